"""Secrets that Leaver must be able to use again (of webhooks, of mail), sealed under a key that is kept apart."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import delete, insert, select, update
from sqlalchemy import text as text_of
from sqlalchemy.ext.asyncio import AsyncConnection

from leaver.domain.errors import Unusable
from leaver.store import tables
from leaver.store.database import Database, uninterrupted
from leaver.store.files import write_private

KEY_FILE = "secret.key"
SECRETS = tables.secrets


class Keys:
    """The keys: the first one seals, every one opens. From the environment, else from a file of the data folder."""

    def __init__(self, data_dir: Path, given: str = "") -> None:
        self._path = data_dir / KEY_FILE
        self._given = given

    def read(self) -> MultiFernet:
        """The keys; a file with a fresh one is made on first use."""
        return self._fernets(self._lines())

    def renew(self) -> MultiFernet:
        """Put a fresh key in front of the others; only for the file, the environment is not ours to change."""
        if self._given:
            raise Unusable(
                "The keys come from LEAVER_SECRET_KEY, which Leaver cannot change.",
                "key_from_environment",
                advice="Put the new key before the old one, separated by a comma, and run `leaver db rotate-key` again "
                "with --keep.",
            )
        lines = [Fernet.generate_key().decode(), *self._lines()]
        write_private(self._path, "\n".join(lines) + "\n")
        return self._fernets(lines)

    def forget_the_old(self) -> None:
        """Keep the first key only, once nothing is sealed under another one."""
        if not self._given:
            write_private(self._path, self._lines()[0] + "\n")

    def _lines(self) -> list[str]:
        if self._given:
            return [part.strip() for part in self._given.split(",") if part.strip()]
        try:
            if not self._path.exists():
                self._make()
            return self._path.read_text(encoding="ascii").split()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it holds no keys"
            raise Unusable(
                f"The key file {self._path} cannot be read: {why}.",
                "bad_key",
                advice="Correct who may read it, or bring it back from the backup.",
            ) from error

    def _fernets(self, lines: list[str]) -> MultiFernet:
        try:
            return MultiFernet([Fernet(line) for line in lines])
        except ValueError as error:
            where = "LEAVER_SECRET_KEY" if self._given else f"The key file {self._path}"
            raise Unusable(
                f"{where} holds something that is not 32 bytes in URL-safe base64, or nothing.",
                "bad_key",
                advice="Bring back the former key. Only if nothing was ever sealed, make one with `python -c 'from "
                "cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'`.",
            ) from error

    def _make(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._path.with_name(f".{KEY_FILE}.{os.getpid()}")
        write_private(draft, Fernet.generate_key().decode() + "\n")
        try:
            os.link(draft, self._path)  # of two processes that begin at once one wins, and both read the same key
        except FileExistsError:
            pass
        finally:
            draft.unlink()


class Vault:
    """The sealed secrets of a database."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self._database = database
        self._keys = keys

    @uninterrupted
    async def put(self, name: str, text: str) -> None:
        """Keep a secret in place of what was there."""
        async with self._database.begin() as connection:
            await self._one_at_a_time(connection)
            sealed = self._keys.read().encrypt(text.encode()).decode()
            await connection.execute(delete(SECRETS).where(SECRETS.c.name == name))
            now = await self._database.now(connection)
            await connection.execute(insert(SECRETS).values(name=name, sealed=sealed, changed_at=now))

    @uninterrupted
    async def get(self, name: str) -> str | None:
        """A secret, if it is there; one that no key opens is unusable."""
        async with self._database.begin(write=False) as connection:
            wanted = select(SECRETS.c.sealed).where(SECRETS.c.name == name)
            sealed = (await connection.execute(wanted)).scalar_one_or_none()
        return None if sealed is None else _open(self._keys.read(), name, sealed)

    @uninterrupted
    async def remove(self, name: str) -> None:
        """Forget a secret; one that is not there is no error."""
        async with self._database.begin() as connection:
            await connection.execute(delete(SECRETS).where(SECRETS.c.name == name))

    @uninterrupted
    async def rotate(self, *, keep: bool = False) -> int:
        """Seal everything under a fresh key, and forget the old ones; how many secrets there were.

        `keep` makes no key: it seals under the first of those that are there, as after a change of the environment.
        """
        async with self._database.begin() as connection:
            await self._one_at_a_time(connection)
            keys = self._keys.read() if keep else self._keys.renew()
            rows = (await connection.execute(select(SECRETS.c.name, SECRETS.c.sealed))).all()
            for name, sealed in rows:
                again = keys.encrypt(_open(keys, name, sealed).encode()).decode()
                await connection.execute(update(SECRETS).where(SECRETS.c.name == name).values(sealed=again))
        if not keep:
            self._keys.forget_the_old()
        return len(rows)

    async def _one_at_a_time(self, connection: AsyncConnection) -> None:
        """Nobody seals under a key that is being forgotten. Whoever writes to SQLite is alone there anyway."""
        if connection.dialect.name == "postgresql":
            await connection.execute(text_of("LOCK TABLE secrets IN SHARE ROW EXCLUSIVE MODE"))


def _open(keys: MultiFernet, name: str, sealed: str) -> str:
    try:
        return keys.decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unusable(
            f"The secret {name!r} cannot be opened with the keys that are here.",
            "wrong_key",
            advice="Bring back the key file of this data folder, or the former LEAVER_SECRET_KEY.",
        ) from error
