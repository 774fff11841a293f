"""Puts the package and libremap.so into a wheel (PEP 427), with nothing but the standard library.

The same inputs give the same bytes.
"""

import argparse
import base64
import hashlib
import sysconfig
import zipfile
from pathlib import Path

PACKAGE = Path(__file__).parent / "remap"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--version", required=True, help="as CMakeLists.txt has it")
    arguments = parser.parse_args()
    version = arguments.version
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    tag = f"py3-none-{platform}"
    info = f"remap-{version}.dist-info"

    files = {f"remap/{p.name}": p.read_bytes() for p in sorted(PACKAGE.glob("*.py"))}
    files["remap/_version.py"] = f'__version__ = "{version}"\n'.encode()
    files["remap/py.typed"] = b""
    files["remap/libremap.so"] = arguments.library.read_bytes()
    files[f"{info}/METADATA"] = (
        "Metadata-Version: 2.1\nName: remap\n"
        f"Version: {version}\n"
        "Summary: The trainer's side of remapd: mapping versions, migration, PyTorch\n"
        "Requires-Python: >=3.11\nRequires-Dist: numpy\n"
        "Provides-Extra: convert\nRequires-Dist: pyarrow; extra == 'convert'\n"
    ).encode()
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: remapd\nRoot-Is-Purelib: false\nTag: {tag}\n"
    ).encode()
    record = []
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record.append(f"{name},sha256={digest},{len(content)}\n")
    record.append(f"{info}/RECORD,,\n")
    files[f"{info}/RECORD"] = "".join(record).encode()

    wheel = arguments.out / f"remap-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if name.endswith(".so") else 0o644) << 16
            archive.writestr(entry, content)
    print(wheel)


if __name__ == "__main__":
    main()
