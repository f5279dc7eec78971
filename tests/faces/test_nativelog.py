from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from lipblend.faces.nativelog import native_log_hidden, without_log_lines

LOG = (
    b"WARNING: Logging before InitGoogle() is written to STDERR\n"
    b"W0000 00:00:1795236072.773740    6460 face_landmarker_graph.cc:181] Sets FaceBlendshapesGraph acceleration\n"
    b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n"
    b"E0000 00:00:1778098539.490043 26131921 portable_clearcut_uploader.cc:90] Failed to send\n"
    b"=== Source Location Trace: ===\n"
    b"wireless/android/play/playlog/cplusplus/portable_clearcut_uploader.cc:180\n"
    b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
)


def test_log_lines_go_and_everything_else_stays() -> None:
    assert without_log_lines(LOG) == b""
    own = b"Traceback (most recent call last):\nValueError: W0000 is no log line\nWARNING: mine\nINFO: mine\n"
    assert without_log_lines(own) == own
    assert without_log_lines(b"frame 3/9 " + LOG + b"frame 4/9") == b"frame 3/9 frame 4/9"


def run(body: str) -> subprocess.CompletedProcess[str]:
    code = "import os, sys, threading\nfrom lipblend.faces.nativelog import native_log_hidden\n" + textwrap.dedent(body)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_what_others_write_meanwhile_comes_through_in_order() -> None:
    done = run(
        r"""
        sys.stderr.write("before\n")
        with native_log_hidden():
            os.write(2, b"W0000 00:00:1.5 7 a_b.cc:1] noise\n")
            print("python", file=sys.stderr)
            other = threading.Thread(target=os.write, args=(2, b"thread\n")); other.start(); other.join()
        os.write(2, b"after\n")
        """
    )
    assert done.stderr == "before\npython\nthread\nafter\n"


def test_an_exception_inside_is_seen_and_the_descriptor_restored() -> None:
    done = run(
        r"""
        try:
            with native_log_hidden():
                os.write(2, b"said before it failed\n")
                raise KeyError("x")
        except KeyError:
            os.write(2, b"restored\n")
        """
    )
    assert done.stderr == "said before it failed\nrestored\n"
    assert done.returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="descriptors are counted by way of /dev/fd")
def test_no_descriptor_is_left_open() -> None:
    def count() -> int:
        return len(os.listdir("/dev/fd"))

    with native_log_hidden():
        pass
    before = count()
    for _ in range(5):
        with native_log_hidden():
            pass
    assert count() == before


def test_a_process_without_stderr_is_no_trouble() -> None:
    done = run(
        r"""
        os.close(2)
        sys.stderr = None
        with native_log_hidden():
            print("inside")
        """
    )
    assert done.stdout == "inside\n"
    assert done.returncode == 0


def test_blocks_in_threads_take_turns_and_restore_the_descriptor() -> None:
    done = run(
        r"""
        def many(name):
            for _ in range(50):
                with native_log_hidden():
                    os.write(2, b"W0000 00:00:1.5 7 a_b.cc:1] noise\n")
                    os.write(2, name)
        threads = [threading.Thread(target=many, args=(n,)) for n in (b"a", b"b", b"c")]
        [t.start() for t in threads]; [t.join() for t in threads]
        os.write(2, b"!")
        """
    )
    assert sorted(done.stderr) == sorted("!" + 50 * "abc")
    assert done.stderr.endswith("!")
