"""An OpenID provider that nobody here wrote: keys and tokens by PyJWT, good ones and forged ones.

Writes into the folder argv[1]: jwks.json and public.pem with the public keys, and each private key as ALGORITHM.pem.
Prints the tokens as JSON.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import sys
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

folder = pathlib.Path(sys.argv[1])
algorithms = jwt.algorithms.get_default_algorithms()


def make(algorithm):
    if algorithm == "RS256":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate()


def public_pem(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def jwk(algorithm, key):
    return {**json.loads(algorithms[algorithm].to_jwk(key.public_key())), "kid": algorithm}


keys = {algorithm: make(algorithm) for algorithm in ("EdDSA", "ES256", "RS256")}
attacker = {algorithm: make(algorithm) for algorithm in keys}
for algorithm, key in keys.items():
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / f"{algorithm}.pem").write_bytes(pem)
# Beside keys that are not for this, as real providers have them.
others = [
    {"kty": "oct", "kid": "shared", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0", "alg": "HS256"},
    {**jwk("RS256", keys["RS256"]), "kid": "encryption", "use": "enc"},
    {"kty": "OKP", "crv": "Ed448", "x": "AA", "kid": "ed448"},
]
jwks = others + [jwk(algorithm, key) for algorithm, key in keys.items()]
(folder / "jwks.json").write_text(json.dumps({"keys": jwks}))
(folder / "public.pem").write_bytes(b"".join(map(public_pem, keys.values())))

now = int(time.time())
good = {
    "iss": "https://id.example.com/realms/acme",
    "aud": "acme",
    "sub": "f81d4fae-7dec-41d0-a765-00a0c91e6bf6",
    "iat": now,
    "exp": now + 600,
}


def sign(algorithm="EdDSA", key=None, headers=None, **changes):
    claims = {name: value for name, value in {**good, **changes}.items() if value is not None}
    headers = {"kid": algorithm, **(headers or {})}
    return jwt.encode(claims, key or keys[algorithm], algorithm=algorithm, headers=headers)


def base64url(value):
    value = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def by_hand(header, signature=lambda message: b""):
    message = f"{base64url({'typ': 'JWT', **header})}.{base64url(good)}"
    return f"{message}.{base64url(signature(message.encode()))}"


def hmac_with(secret):
    return lambda message: hmac.new(secret, message, hashlib.sha256).digest()


valid = {algorithm: sign(algorithm) for algorithm in keys}
valid["without nbf, iat and jti"] = sign(iat=None)
valid["one of two audiences"] = sign(aud=["another", "acme"])
# Those who verify have a leeway of a minute.
valid["a clock that is 30 s ahead"] = sign(nbf=now + 30)
valid["a clock that is 10 s behind"] = sign(exp=now - 10)

head, payload, signature = valid["EdDSA"].split(".")
forged = {
    "no algorithm": by_hand({"alg": "none"}),
    "no algorithm, but the kid of a key": by_hand({"alg": "none", "kid": "EdDSA"}),
    "no algorithm, in capitals": by_hand({"alg": "NONE", "kid": "EdDSA"}),
    "the signature is left out": f"{head}.{payload}.",
    "the signature is another token's": f"{head}.{payload}.{valid['ES256'].split('.')[2]}",
    "the payload is another": f"{head}.{base64url({**good, 'sub': 'eve'})}.{signature}",
    "two parts": f"{head}.{payload}",
    "five parts": f"{valid['EdDSA']}.{payload}.{signature}",
    "no token at all": "x",
    "a foreign issuer": sign(iss="https://mallory.example.com"),
    "a foreign audience": sign(aud="another"),
    "no issuer": sign(iss=None),
    "no audience": sign(aud=None),
    "no subject": sign(sub=None),
    "no expiry": sign(exp=None),
    "not valid yet": sign(nbf=now + 500),
    "roles that are no list": sign(roles="admin"),
    "9 KB": sign(padding="x" * 9000),
    "a signature by the other key of an unknown kid": sign(headers={"kid": "unknown"}),
    "a kid that is a path": sign(headers={"kid": "../../../../../../dev/null"}),
    "a kid that is SQL": sign(headers={"kid": "' UNION SELECT 'EdDSA' --"}),
    "crit": sign(headers={"crit": ["exp"]}),
    "b64": sign(headers={"crit": ["b64"], "b64": True}),
    "jku": sign(key=attacker["EdDSA"], headers={"jku": "http://127.0.0.1:1/jwks.json"}),
    "x5u": sign(key=attacker["EdDSA"], headers={"x5u": "http://127.0.0.1:1/chain.pem"}),
    "x5c": sign(key=attacker["EdDSA"], headers={"x5c": ["MIIB"]}),
    "HMAC with the shared secret of the JWK Set": by_hand(
        {"alg": "HS256", "kid": "shared"}, hmac_with(b"secret-secret-secret-secret")
    ),
}
for algorithm, key in keys.items():
    forged[f"{algorithm}, of another key"] = sign(algorithm, attacker[algorithm])
    forged[f"{algorithm}, with its key in the header"] = sign(
        algorithm, attacker[algorithm], {"jwk": jwk(algorithm, attacker[algorithm])}
    )
    forged[f"HMAC with the public key for {algorithm}"] = by_hand(
        {"alg": "HS256", "kid": algorithm}, hmac_with(public_pem(key))
    )
    for other in keys:
        if other != algorithm:
            forged[f"{algorithm} with the kid of {other}"] = sign(algorithm, headers={"kid": other})

expired = {
    "long ago": sign(exp=now - 3600),
    "beyond the leeway": sign(exp=now - 61),
}
print(json.dumps({"valid": valid, "forged": forged, "expired": expired, "huge": sign(padding="x" * 1_000_000)}))
