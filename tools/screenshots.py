"""Pictures of the portal for the README: starts the demo, offboards somebody in Chromium, and takes them."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
TASKS = (
    "disable_sign_in",
    "reset_password",
    "revoke_sessions",
    "convert_to_shared",
    "remove_groups",
    "cancel_meetings",
)


def main() -> None:
    """Take them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["env", f"LEAVER_PORT={port}", sys.executable, "-m", "leaver", "demo", "--serve"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert server.stdout is not None
        password = ""
        for line in server.stdout:
            found = re.search(r"password (\S+) \(", line)
            password = found[1] if found else password
            if password and "startup complete" in line:
                break
        _take(f"http://127.0.0.1:{port}", password)
    finally:
        server.terminate()


def _take(url: str, password: str) -> None:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 1280, "height": 860}).new_page()
        page.goto(url)
        page.fill("#u", "admin")
        page.fill("#p", password)
        page.click("button[type=submit]")
        page.fill("#o", password)
        page.fill("#n", password + password)
        page.click("button[type=submit]")
        page.click("text=New offboarding")
        page.check("input[name=tenant] >> nth=0")
        page.click("text=Next: select users")
        page.goto(page.url + "?q=adele")
        page.check("input[name=user] >> nth=0")
        page.click("text=Next: settings")
        for task in TASKS:
            page.check(f"#t-{task}")
        page.click("text=Next: review plan")
        page.wait_for_selector("button[value=confirm]", timeout=90_000)
        time.sleep(1)
        page.screenshot(path=PICTURES / "review.png")
        page.fill("input[name^='confirm:']", "Adele Vance")
        page.click("button[value=confirm]")
        page.wait_for_selector(".run-head >> text=/Completed|Follow-up/", timeout=90_000)
        time.sleep(1)
        page.screenshot(path=PICTURES / "run.png")
        browser.close()


if __name__ == "__main__":
    main()
