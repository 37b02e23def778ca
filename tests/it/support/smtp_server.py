"""The mail server of the tests: aiosmtpd, which stores each mail in a file.

smtp_server.py PORT DIRECTORY [--login USER PASSWORD] [--tls CERTIFICATE KEY [--wrap]] [--refuse CODE]
"""

import argparse
import asyncio
import pathlib
import ssl

from aiosmtpd.smtp import SMTP, AuthResult


class Keep:
    def __init__(self, directory, refuse):
        self.directory = directory
        self.refuse = refuse
        self.count = sum(1 for _ in directory.iterdir())

    async def handle_DATA(self, server, session, envelope):
        if self.refuse:
            return f"{self.refuse} not today"
        self.count += 1
        name = f"{self.count:06}"
        head = f"X-Rcpt: {','.join(envelope.rcpt_tos)}\r\nX-Tls: {server.transport.get_extra_info('ssl_object') is not None}\r\n"
        # Renamed when complete, so that a test never reads a part of a mail.
        half = self.directory.parent / f"half-{name}"
        half.write_bytes(head.encode() + envelope.original_content)
        half.rename(self.directory / name)
        return "250 kept"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--login", nargs=2)
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--wrap", action="store_true", help="TLS from the first byte, not STARTTLS")
    parser.add_argument("--refuse")
    given = parser.parse_args()
    given.directory.mkdir(parents=True, exist_ok=True)
    options = {"enable_SMTPUTF8": True, "hostname": "mail.test"}
    wrap = None
    if given.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*given.tls)
        if given.wrap:
            wrap = context
        else:
            options |= {"tls_context": context, "require_starttls": True}
    if given.login:
        wanted = [text.encode() for text in given.login]

        def check(server, session, envelope, mechanism, data):
            return AuthResult(success=[data.login, data.password] == wanted, handled=False)

        options |= {"authenticator": check, "auth_required": True, "auth_require_tls": bool(given.tls) and not given.wrap}
    keep = Keep(given.directory, given.refuse)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    make = lambda: SMTP(keep, loop=loop, **options)
    loop.run_until_complete(loop.create_server(make, "127.0.0.1", given.port, ssl=wrap))
    loop.run_forever()


main()
