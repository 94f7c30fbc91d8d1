"""What a service's load balancing should look like, what is different in AWS, and the calls that make it so: pure."""
