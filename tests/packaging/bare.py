"""A bare Debian in a folder, with the .deb installed: what somebody has who has never heard of Python."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TOOLS = ("debootstrap", "unshare", "chroot", "mount")
ENVIRONMENT = {"HOME": "/root", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


class Bare:
    """Commands in the folder see its files alone, an empty environment, and this machine's X display where one is named.

    Args:
        root: the folder that is `/` for them.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def make(cls, root: Path) -> "Bare":
        """Debian's smallest system, of this machine's release; minutes, and Debian's packages have to be within reach."""
        lines = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
        subprocess.run(["debootstrap", "--variant=minbase", lines["VERSION_CODENAME"], root], check=True, stdout=subprocess.DEVNULL)
        return cls(root)

    def install(self, deb: Path) -> None:
        """Installs the package as a user does, with what it depends on and nothing that is only recommended."""
        shutil.copy(deb, self.root / "tmp/package.deb")
        command = ["apt-get", "install", "-y", "--no-install-recommends", "/tmp/package.deb"]
        done = self.run(command, DEBIAN_FRONTEND="noninteractive", PATH="/usr/sbin:/usr/bin:/sbin:/bin")
        (self.root / "tmp/package.deb").unlink()
        assert done.returncode == 0, done.stdout + done.stderr

    def command(self, words: list[str], **environ: str) -> list[str]:
        """The words as this machine has to say them, with an environment that holds nothing else."""
        pairs = [f"{name}={value}" for name, value in {**ENVIRONMENT, **environ}.items()]
        # Mounted for this command only: both are gone with it.
        script = 'mount -t proc proc "$0/proc" && mkdir -p "$0/tmp/.X11-unix" && '
        script += '{ [ ! -d /tmp/.X11-unix ] || mount --bind /tmp/.X11-unix "$0/tmp/.X11-unix"; } && exec chroot "$0" env -i "$@"'
        return ["unshare", "--mount", "sh", "-c", script, str(self.root), *pairs, *words]

    def run(self, words: list[str], **environ: str) -> subprocess.CompletedProcess[str]:
        """Runs it to its end."""
        return subprocess.run(self.command(words, **environ), capture_output=True, text=True, check=False)

    @contextmanager
    def started(self, words: list[str], **environ: str) -> Iterator[subprocess.Popen[bytes]]:
        """Starts it, and makes sure that it is gone afterwards; on a display that is named, once its window is there.

        Raises:
            TimeoutExpired: no window came in two minutes.
        """
        process = subprocess.Popen(self.command(words, **environ))
        try:
            if "DISPLAY" in environ:
                search = ["xdotool", "search", "--sync", "--onlyvisible", "--name", "MAML Studio"]
                seen = os.environ | {"DISPLAY": environ["DISPLAY"]}
                subprocess.run(search, env=seen, check=True, timeout=120, stdout=subprocess.DEVNULL)
            yield process
        finally:
            process.kill()
            process.wait()


@contextmanager
def screen() -> Iterator[str]:
    """A virtual X screen that is ready; gives its name, such as ``:7``."""
    with subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "1280x800x24"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        try:
            assert server.stdout is not None
            yield f":{int(server.stdout.readline())}"  # written when it takes windows
        finally:
            server.terminate()
