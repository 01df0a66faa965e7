"""Whole jobs against the real server, over TLS."""

import asyncio
import json
import stat
import subprocess
import tempfile
import time
import unittest
from unittest import mock

from federation import PROGRAMS, SECONDS, TINY_MODEL, Federation, Link, OneHot, client, offsets, write_wide_model
from tributary_client import Ended, MembershipError, Refused, join
from tributary_client.control_pb2 import Goodbye
from tributary_client.membership import Membership, parse_join_string, write_join_string

BIAS = "base_model.model.classifier.bias"


class FederationTests(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.federation = Federation(folder.name)
        self.addCleanup(self.federation.kill)
        await self.federation.start()
        self.tasks = []

    async def asyncTearDown(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def serve(self, member):
        """Runs a client until the test ends."""
        self.tasks.append(asyncio.create_task(member.serve()))
        return self.tasks[-1]

    async def result(self, job):
        async with asyncio.timeout(SECONDS):
            return await self.federation.result(job)

    async def test_three_peers_finish_a_job_and_each_is_counted_by_its_examples(self):
        for index, count in enumerate((1, 1, 2)):
            directory = await self.federation.join(f"silo-{index}")
            self.serve(client(directory, OneHot(index % 2, count)))
        job = await self.federation.submit(rounds=3, clients=3)
        # Each round adds (1·e0 + 1·e1 + 2·e0) / 4.
        self.assertEqual((await self.result(job))[BIAS].tolist(), [2.25, 0.75])
        for index in range(3):
            outbox = self.federation.folder / f"silo-{index}" / "outbox"
            self.assertEqual(list(outbox.iterdir()), [], "what was acknowledged is not kept")

    async def test_a_python_peer_and_native_clients_share_a_job(self):
        natives = []
        for index in range(2):
            folder = self.federation.folder / f"native-{index}"
            data = self.federation.folder / f"native-{index}.jsonl"
            rows = [
                {"text": f"a film {word}", "label": word, "split": "test" if row % 4 == 3 else "train"}
                for row, word in enumerate(["good", "bad"] * 12 if index else ["bad", "good"] * 12)
            ]
            data.write_text("".join(json.dumps(row) + "\n" for row in rows))
            invitation = self.federation.command("invite", folder.name)
            joining = [PROGRAMS / "fed-client", "join", invitation, "--dir", folder]
            subprocess.run(joining, check=True, stdout=subprocess.DEVNULL)
            command = [PROGRAMS / "fed-client", "run", "--dir", folder, "--data", data, "--model", TINY_MODEL]
            natives.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        try:
            trainer = OneHot(0)
            self.serve(client(await self.federation.join("python"), trainer))
            job = await self.federation.submit(rounds=2, clients=3)
            tensors = await self.result(job)
        finally:
            for native in natives:
                native.terminate()
                native.wait()
        self.assertEqual(trainer.calls, 2)
        trained = tensors["base_model.model.bert.encoder.layer.0.attention.self.query.lora_B.weight"]
        self.assertGreater(abs(trained).max(), 0, "what the native clients have trained is in the adapter")
        updates = {
            (entry["round"], entry.get("client")) for entry in self.federation.listing("job", "metrics", job)
        }
        for member in ("native-0", "native-1", "python"):
            self.assertLessEqual({(1, member), (2, member)}, updates)

    async def test_cut_transfers_resume_where_they_stopped(self):
        model = write_wide_model(self.federation.folder / "wide-bert")
        directory, trainer = await self.federation.join("silo"), OneHot(1)
        async with Link(directory) as link:
            for direction, verb, limit in (("down", "fetching", 400_000), ("up", "uploading", 600_000)):
                link.limits[direction] = limit
                with self.subTest(direction), self.assertLogs("tributary_client", "INFO") as logs:
                    task = self.serve(client(directory, trainer))
                    job = await self.federation.submit(rounds=1, rank=64, model=model, seed=len(verb))
                    tensors = await self.result(job)
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                self.assertIsNone(link.limits[direction], "the link was cut")
                first, second = offsets(logs, verb)[:2]
                self.assertEqual(first, 0)
                self.assertGreater(second, limit // 3)
                self.assertEqual(tensors[BIAS].tolist(), [0, 1])
        self.assertEqual(trainer.calls, 2, "nothing is trained twice")

    async def test_a_restarted_peer_delivers_what_it_had_finished(self):
        model = write_wide_model(self.federation.folder / "wide-bert")
        directory, trainer = await self.federation.join("silo"), OneHot(1)
        async with Link(directory) as link:
            link.limits["up"] = 300_000
            link.on_cut = lambda: setattr(link, "is_open", False)
            task = self.serve(client(directory, trainer))
            job = await self.federation.submit(rounds=1, rank=64, model=model)
            await link.is_cut.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            link.is_open, idle = True, OneHot(0)
            self.serve(client(directory, idle))
            self.assertEqual((await self.result(job))[BIAS].tolist(), [0, 1])
        self.assertEqual((trainer.calls, idle.calls), (1, 0))

    async def test_a_killed_server_loses_nothing(self):
        model = write_wide_model(self.federation.folder / "wide-bert")
        directory, trainer = await self.federation.join("silo"), OneHot(1)
        async with Link(directory) as link:
            link.limits["up"], link.on_cut = 600_000, self.federation.kill
            self.serve(client(directory, trainer))
            job = await self.federation.submit(rounds=2, rank=64, model=model)
            await link.is_cut.wait()
            await self.federation.start()
            link.target = "127.0.0.1", self.federation.port
            self.assertEqual((await self.result(job))[BIAS].tolist(), [0, 2])
        self.assertEqual(trainer.calls, 2)

    async def test_a_join_string_is_refused_when_it_is_not_good(self):
        text, folder = self.federation.command("invite", "silo"), self.federation.folder
        invitation = parse_join_string(text)
        with self.assertRaisesRegex(MembershipError, "no join string"):
            await join(text[:-1] + ("A" if text[-1] != "A" else "B"), folder / "silo")
        with self.assertRaisesRegex(MembershipError, "expired"):
            await join(write_join_string(*invitation._replace(expiry=int(time.time()))), folder / "silo")
        with self.assertRaisesRegex(MembershipError, "is not the server"):
            await join(write_join_string(*invitation._replace(authority=bytes(32))), folder / "silo")
        with self.assertRaisesRegex(MembershipError, "refused"):
            await join(write_join_string(*invitation._replace(secret=bytes(20))), folder / "stranger")
        self.assertFalse((folder / "silo" / "membership.json").exists())
        # None of these has used it up.
        membership = await join(text, folder / "silo")
        self.assertEqual(membership.name, "silo")
        for file in (folder / "silo").rglob("*.pem"):
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        with self.assertRaisesRegex(MembershipError, "already"):
            await join(text, folder / "silo")
        with self.assertRaisesRegex(MembershipError, "refused"):
            await join(text, folder / "thief")

    async def test_a_revoked_peer_is_told_and_does_not_come_back(self):
        directory = await self.federation.join("silo")
        with self.assertLogs("tributary_client", "INFO") as logs:
            task = self.serve(client(directory, OneHot(0)))
            async with asyncio.timeout(SECONDS):
                while not any("welcomed" in line for line in logs.output):
                    await asyncio.sleep(0.01)
        await asyncio.to_thread(self.federation.command, "revoke", "silo")
        async with asyncio.timeout(SECONDS):
            with self.assertRaises(Ended) as ended:
                await task
            self.assertEqual(ended.exception.args[0].code, Goodbye.CODE_REVOKED)
            with self.assertRaisesRegex(Ended, "Ask for a new join string"):
                await client(directory, OneHot(0)).serve()

    async def test_a_server_of_another_federation_is_not_trusted(self):
        directory = await self.federation.join("silo")
        with tempfile.TemporaryDirectory() as folder:
            other = Federation(folder)
            self.addCleanup(other.kill)
            await other.start()
            async with Link(directory) as link:
                link.target = "127.0.0.1", other.port
                with self.assertLogs("tributary_client", "WARNING") as logs:
                    task = self.serve(client(directory, OneHot(0)))
                    async with asyncio.timeout(SECONDS):
                        while not logs.output:
                            await asyncio.sleep(0.01)
                    task.cancel()
            other.kill()
        self.assertIn("SSLCertVerificationError", logs.output[0])

    async def test_a_certificate_is_renewed_over_the_live_connection(self):
        directory = await self.federation.join("silo")
        before = (directory / "keys-1" / "certificate.pem").read_text()
        with mock.patch.object(Membership, "renewal_time", side_effect=[0, time.time() + 9999]):
            with self.assertLogs("tributary_client", "INFO") as logs:
                task = self.serve(client(directory, OneHot(0)))
                async with asyncio.timeout(SECONDS):
                    while not any("is renewed" in line for line in logs.output):
                        await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self.assertNotEqual((directory / "keys-2" / "certificate.pem").read_text(), before)
        keys = {(directory / folder / "key.pem").read_text() for folder in ("keys-1", "keys-2")}
        self.assertEqual(len(keys), 2)
        # The new pair is what it shows from now on.
        trainer = OneHot(0)
        self.serve(client(directory, trainer))
        self.assertEqual((await self.result(await self.federation.submit(rounds=1)))[BIAS].tolist(), [1, 0])

    async def test_a_key_that_others_can_read_is_refused(self):
        directory = await self.federation.join("silo")
        (directory / "keys-1" / "key.pem").chmod(0o640)
        with self.assertRaisesRegex(MembershipError, "Others may read"):
            await client(directory, OneHot(0)).serve()

    async def test_the_server_learns_why_an_order_is_declined_but_nothing_of_the_data(self):
        def fail(order, tensors, progress):
            raise ValueError("a text of a patient")

        def refuse(order, tensors, progress):
            raise Refused("the data is being moved")

        for name, train, reason in (
            ("fails", fail, "the trainer raised ValueError"),
            ("refuses", refuse, "the data is being moved"),
        ):
            with self.subTest(name):
                task = self.serve(client(await self.federation.join(name), train))
                job = await self.federation.submit(rounds=1)
                async with asyncio.timeout(SECONDS):
                    await asyncio.to_thread(self.federation.command, "job", "wait", job, check=False)
                task.cancel()
                known = json.dumps(self.federation.listing("job", "status", job))
                known += (self.federation.folder / "server.log").read_text()
                self.assertNotIn("patient", known)
                self.assertIn(reason, known)


if __name__ == "__main__":
    unittest.main()
