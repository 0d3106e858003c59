{
  "targets": [
    {
      "target_name": "sluice",
      "sources": [
        "addon.cc", "address.cc", "bind.cc", "burst.cc", "error.cc", "netns.cc", "packet-port.cc",
        "packet.cc", "poll.cc", "port-io.cc", "send-batch.cc", "slots.cc", "socket.cc",
        "tap-port.cc", "tap.cc", "udp-errors.cc", "udp-frame.cc", "udp-multicast.cc", "udp-port.cc",
        "udp-receive.cc", "udp-send.cc", "udp-senders.cc", "udp.cc"
      ],
      "dependencies": ["<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except"],
      "defines": ["NAPI_VERSION=8"],
      "cflags_cc": ["-std=c++17", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-fvisibility=hidden"]
    }
  ]
}
