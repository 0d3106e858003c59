/** Sending one frame through a socket of its source port. */
#pragma once

#include "descriptor.h"
#include "memory.h"
#include "udp-frame.h"
#include "udp-senders.h"

/**
 * Sends the payload of `frame`, whose headers are `headers`, cut into datagrams if its virtio
 * header says so (UDP_SEGMENT). Returns 0 or an errno. Never fragments: a datagram over the
 * interface's MTU is refused.
 */
int sendUdp(const Memory& memory, UdpSender& sender, const TxFrame& frame,
            const UdpFrame& headers);
