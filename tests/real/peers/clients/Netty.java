// A client by Netty 4.1: hixie-76 (hybi-00), 7, 8 and 13. It writes all names of fields in lower case.

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.websocketx.*;
import io.netty.util.CharsetUtil;
import java.net.URI;
import java.util.ArrayDeque;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

public class Netty extends SimpleChannelInboundHandler<WebSocketFrame> {
    static final Map<String, WebSocketVersion> VERSIONS = Map.of("hixie-76", WebSocketVersion.V00,
        "hybi-07", WebSocketVersion.V07, "hybi-08", WebSocketVersion.V08, "13", WebSocketVersion.V13);

    static String draft;
    static ArrayDeque<String> steps;
    static WebSocketClientHandshaker handshaker;
    boolean opened, closed;

    public static void main(String[] words) throws Exception {
        URI uri = new URI(words[0]);
        draft = words[1];
        steps = new ArrayDeque<>(List.of(words).subList(2, words.length));
        DefaultHttpHeaders headers = new DefaultHttpHeaders();
        if (draft.equals("13")) headers.add("Origin", "http://peer.test");
        handshaker = WebSocketClientHandshakerFactory.newHandshaker(
            uri, VERSIONS.get(draft), System.getenv("SUBPROTOCOL"), false, headers, 8 << 20);
        NioEventLoopGroup group = new NioEventLoopGroup(1);
        Bootstrap bootstrap = new Bootstrap().group(group).channel(NioSocketChannel.class)
            .handler(new ChannelInitializer<Channel>() {
                protected void initChannel(Channel channel) {
                    channel.pipeline().addLast(new HttpClientCodec(), new HttpObjectAggregator(65536),
                        new WebSocketClientProtocolHandler(handshaker, false, false),
                        new WebSocketFrameAggregator(8 << 20), new Netty());
                }
            });
        bootstrap.connect(uri.getHost(), uri.getPort()).sync().channel().closeFuture().sync();
        Runtime.getRuntime().halt(0);
    }

    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event != WebSocketClientProtocolHandler.ClientHandshakeStateEvent.HANDSHAKE_COMPLETE) return;
        opened = true;
        say("open", handshaker.actualSubprotocol());
        next(context);
    }

    void next(ChannelHandlerContext context) {
        String step = steps.isEmpty() ? "close:1000" : steps.poll();
        String kind = step.substring(0, step.indexOf(':')), data = step.substring(step.indexOf(':') + 1);
        ByteBuf bytes = Unpooled.copiedBuffer(data, CharsetUtil.UTF_8);
        switch (kind) {
            case "text", "last" -> context.writeAndFlush(new TextWebSocketFrame(bytes));
            case "binary" -> context.writeAndFlush(new BinaryWebSocketFrame(Unpooled.wrappedBuffer(Base64.getDecoder().decode(data))));
            case "ping" -> context.writeAndFlush(new PingWebSocketFrame(bytes));
            case "pause" -> context.executor().schedule(() -> next(context), Long.parseLong(data), TimeUnit.MILLISECONDS);
            case "close" -> context.writeAndFlush(draft.equals("hixie-76")
                ? new CloseWebSocketFrame() : new CloseWebSocketFrame(Integer.parseInt(data), ""));
        }
    }

    protected void channelRead0(ChannelHandlerContext context, WebSocketFrame frame) {
        if (frame instanceof CloseWebSocketFrame close) {
            closed = true;
            System.out.println("{\"close\": " + (close.statusCode() < 0 ? "null" : "" + close.statusCode()) + ", \"reason\": "
                + quoted(close.statusCode() < 0 ? "" : close.reasonText()) + ", \"clean\": true}");
            context.writeAndFlush(close.retain()).addListener(done -> context.close());
            return;
        }
        if (frame instanceof TextWebSocketFrame text) say("text", text.text());
        if (frame instanceof PongWebSocketFrame pong) say("pong", pong.content().toString(CharsetUtil.UTF_8));
        if (frame instanceof BinaryWebSocketFrame binary) {
            byte[] payload = new byte[binary.content().readableBytes()];
            binary.content().readBytes(payload);
            say("binary", Base64.getEncoder().encodeToString(payload));
        }
        next(context);
    }

    public void channelInactive(ChannelHandlerContext context) {
        if (!opened) say("error", "the connection ended inside the handshake");
        else if (!closed) System.out.println("{\"close\": null, \"reason\": \"\", \"clean\": false}");
    }

    public void exceptionCaught(ChannelHandlerContext context, Throwable error) {
        say("error", error.toString());
        System.out.flush();
        Runtime.getRuntime().halt(1);
    }

    static void say(String kind, String value) {
        System.out.println("{\"" + kind + "\": " + (value == null ? "null" : quoted(value)) + "}");
    }

    static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            out.append(c < 0x20 || c > 0x7e || c == '"' || c == '\\' ? String.format("\\u%04x", (int) c) : "" + c);
        }
        return out.append('"').toString();
    }
}
