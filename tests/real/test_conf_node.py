"""conf/node-behind.ini in front of two servers: whoever comes from one address stays with one, pages and socket.io alike."""

from harness.conf import conf


def servers(stage):
    """The two servers of the file, which say who they are."""
    def named(name):
        def serve(peer):
            while peer.request() is not None:
                peer.reply(name)
        return serve

    return {f"127.0.0.1:{3000 + number}": stage.upstream(named(f"server {number}".encode())).address for number in range(2)}


def test_one_address_one_server(stage):
    router = conf(stage, "node-behind.ini", {":8080": "127.0.0.1:0", **servers(stage)})
    seen = {}
    for number in range(1, 33):
        address = f"127.0.0.{number}"
        with router.connect(source=address) as raw:
            said = [raw.get(path).response().body for path in ["/", "/socket.io/?EIO=4&transport=polling", "/page", "/socket.io/?sid=1"]]
        with router.connect(source=address) as raw:
            said.append(raw.get("/socket.io/?sid=2").response().body)
        assert len(set(said)) == 1, f"{address} stays with one: {said}"
        seen[address] = said[0]
    assert set(seen.values()) == {b"server 0", b"server 1"}, "both serve"
