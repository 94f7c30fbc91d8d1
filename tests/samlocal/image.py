"""The base image that `sam local` looks for, made from the machine's own CPython: a registry need not be reachable."""

import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path

from samlocal.engine import Engine
from samlocal.tools import RUNTIME, Failed, Tools

_PROGRAMS = ("sh", "mv", "chmod", "cp", "mkdir", "env")  # what SAM's Dockerfile and the bootstrap call
_BOOTSTRAP = f"""#!/bin/sh
export PYTHONPATH="/var/task:/opt/python:/var/runtime"
exec /var/lang/bin/python{RUNTIME} -m awslambdaric "$_HANDLER"
"""
_USERS = "root:x:0:0:root:/root:/bin/sh\nsbx_user1051:x:993:990::/home/sbx_user1051:/bin/sh\n"
_UNUSED = (
    "test",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "lib2to3",
    "config-*",
    "site-packages",
    "pydoc_data",
)
_PROOF = "import runtime_client, awslambdaric, boto3, ssl, sqlite3, ctypes, lzma"
_LOADED_LATER = ("libgcc_s.so.1", "libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2", "libstdc++.so.6",
                 "librt.so.1", "libpthread.so.0", "libdl.so.2", "libutil.so.1", "libm.so.6")  # fmt: skip


def make_image(engine: Engine, tools: Tools) -> str:
    """Its name, once an import of everything that is easily missing has worked in it."""
    name = f"public.ecr.aws/lambda/python:{RUNTIME}-{tools.architecture}"
    root, archive = engine.folder / "image", engine.folder / "image.tar"
    _fill(root, tools)
    with tarfile.open(archive, "w") as tar:
        tar.add(root, arcname="/")
    shutil.rmtree(root)
    environment = {
        "PATH": "/var/lang/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
    }
    changes = [f"ENV {key}={value}" for key, value in environment.items()] + ["WORKDIR /var/task"]
    options = [part for change in changes for part in ("--change", change)]
    engine.docker("import", *options, "-", name, stdin=archive)
    archive.unlink()
    engine.docker(
        "run", "--rm", "--env", "PYTHONPATH=/var/runtime", name, f"/var/lang/bin/python{RUNTIME}", "-c", _PROOF
    )
    return name


def _fill(root: Path, tools: Tools) -> None:
    lib = f"lib/python{RUNTIME}"
    prefix = tools.python.resolve().parent.parent
    shutil.copytree(prefix / lib, root / "var/lang" / lib, symlinks=True, ignore=shutil.ignore_patterns(*_UNUSED))
    (root / "var/lang/bin").mkdir()
    interpreter = shutil.copy2(tools.python.resolve(), root / f"var/lang/bin/python{RUNTIME}")
    shutil.copytree(tools.brought, root / "var/runtime")
    for folder in ("var/task", "opt", "tmp", "etc", "usr/bin", "root", "proc", "dev", "sys"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for link in ("bin", "lib", "lib64"):  # as on Debian, so that libraries keep their paths
        (root / "usr" / link).mkdir(exist_ok=True)
        (root / link).symlink_to(f"usr/{link}")
    (root / "etc/passwd").write_text(_USERS)
    bootstrap = root / "var/runtime/bootstrap"
    bootstrap.write_text(_BOOTSTRAP)
    bootstrap.chmod(0o755)
    programs = [Path(found) for name in _PROGRAMS if (found := shutil.which(name, path="/usr/bin:/bin"))]
    for program in programs:
        shutil.copy2(program.resolve(), root / "usr/bin" / program.name)
    extensions = (root / "var").rglob("*.so")
    for library in libraries([interpreter, *programs, *extensions]):
        place = root / library.relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(library.resolve(), place)


def libraries(binaries: Iterable[str | Path]) -> set[Path]:
    """The shared libraries of the machine that binaries are linked to, and those that the C library loads by itself."""
    said = "".join(
        subprocess.run(["ldd", binary], capture_output=True, text=True, check=False).stdout for binary in binaries
    )
    linked = {Path(found) for found in re.findall(r"(/\S+) \(0x", said)}
    if not linked:
        raise Failed("ldd names no library of the interpreter")
    known = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=False).stdout
    later = {Path(found) for name, found in re.findall(r"\t(\S+) .* => (\S+)", known) if name in _LOADED_LATER}
    return linked | later
