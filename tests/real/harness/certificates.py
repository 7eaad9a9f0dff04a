"""Certificates of the tests' own: authorities, what they issue, and lists of what they take back."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


@dataclass
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path
    serial: int

    def __str__(self):
        """As `https` and `sni` take it."""
        return f"{self.certificate},{self.key}"


def new_key(kind):
    return rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())


def named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


class Authority:
    """Issues certificates; its own is the file `path`."""

    def __init__(self, directory, name="tests"):
        self.directory, self.name, self.count = directory, name, 0
        self.key = new_key("ec")
        self.certificate = self._sign(self._begin(named(name), self.key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True).add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
                          key_encipherment=False, data_encipherment=False, key_agreement=False,
                          encipher_only=False, decipher_only=False), critical=True))
        self.path = directory / f"{name}.ca.pem"
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def _begin(self, subject, key):
        now = datetime.datetime.now(datetime.timezone.utc)
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(named(self.name)).public_key(key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now - DAY).not_valid_after(now + 90 * DAY))

    def _sign(self, builder):
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, *names, kind="ec", client=False, pair=None, lists=None):
        """A certificate for these DNS names and addresses; over the files of `pair`, or in new ones. `lists`: the URL it
        gives for lists of those taken back."""
        key = new_key(kind)
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        begun = self._begin(named(names[0]), key)
        if lists:
            point = x509.DistributionPoint([x509.UniformResourceIdentifier(lists)], None, None, None)
            begun = begun.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        issued = self._sign(
            begun.add_extension(x509.SubjectAlternativeName([alternative(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False))
        if pair is None:
            self.count += 1
            stem = self.directory / f"{self.name}-{self.count}"
            pair = Pair(stem.with_suffix(".pem"), stem.with_suffix(".key"), 0)
        pair.serial = issued.serial_number
        write(pair.key, key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        write(pair.certificate, issued.public_bytes(serialization.Encoding.PEM))
        return pair

    def revoke(self, *pairs):
        """A list of these certificates; its file."""
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateRevocationListBuilder().issuer_name(named(self.name)).last_update(now - DAY)
        builder = builder.next_update(now + DAY).add_extension(x509.CRLNumber(1), critical=False).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        for pair in pairs:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(pair.serial).revocation_date(now - DAY).build())
        path = self.directory / f"{self.name}.crl.pem"
        write(path, builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return path


def alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def write(path, data):
    """All of the file at once, for nobody else's eyes."""
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(data)
    fresh.replace(path)
