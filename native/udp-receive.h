/**
 * Receiving from the sockets of a port of kind udp: datagrams, and errors about what was
 * sent, as frames. The payload is received in place, its headers are written before it.
 */
#pragma once

#include "address.h"
#include "memory.h"
#include "slots.h"

#include <cstdint>

/** A socket, and the address it is bound to. */
struct UdpSource {
  int fd;
  const SocketAddress& at;
};

/**
 * Datagrams, until there are no more or no slots. Coalesced ones become one frame with one
 * header and a virtio header that says how long each payload is (GSO type 5).
 */
void receiveUdp(const Memory& memory, const UdpSource& source, Slots& slots);

/** ICMP errors as they came, at most `most` of them. */
void receiveIcmp(const Memory& memory, const UdpSource& source, Slots& slots, uint32_t most);

/**
 * ICMP errors from the error queue of a socket that sends, at most `most` of them, put
 * together from what the kernel kept: addresses, type, code, MTU, and the datagram's begin.
 */
void receiveQueuedErrors(const Memory& memory, const UdpSource& source, Slots& slots,
                         uint32_t most);
