#include "packet-port.h"

#include "burst.h"
#include "descriptor.h"
#include "packet.h"
#include "send-batch.h"
#include "slots.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace {

using abi::number;

constexpr uint32_t LINKS_INPUT = 1;
constexpr uint32_t MAC_PAIR_BYTES = 12;
constexpr uint32_t TAG_BYTES = 4;
constexpr uint16_t TPID_CUSTOMER = 0x8100; // IEEE 802.1Q-2018 table 9-1

/** Frames the kernel could not describe, and frames too long, one burst puts up with. */
constexpr int MOST_LOST = 64;

/** What recvmmsg fills in. */
struct Messages {
  mmsghdr headers[CALL_FRAMES];
  iovec parts[CALL_FRAMES];
  alignas(cmsghdr) uint8_t control[CALL_FRAMES][CMSG_SPACE(sizeof(tpacket_auxdata))];

  /** Message `i` for a frame at `data`, with its virtio header before it. */
  void prepare(uint32_t i, uint8_t* data) {
    // A tag may have to be put in.
    parts[i] = {data - abi::VNET_BYTES, abi::VNET_BYTES + abi::MAX_FRAME_BYTES - TAG_BYTES};
    msghdr& header = headers[i].msg_hdr;
    header = {};
    header.msg_iov = &parts[i];
    header.msg_iovlen = 1;
    header.msg_control = control[i];
    header.msg_controllen = sizeof control[i];
  }
};

struct Tag {
  uint16_t tpid;
  uint16_t tci;
};

/** Whether the device took a tag off the frame. */
bool findTag(msghdr& header, Tag& tag) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA) continue;
    tpacket_auxdata aux;
    std::memcpy(&aux, CMSG_DATA(c), sizeof aux);
    if ((aux.tp_status & TP_STATUS_VLAN_VALID) == 0) return false;
    const bool hasTpid = (aux.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
    tag = {hasTpid ? aux.tp_vlan_tpid : TPID_CUSTOMER, aux.tp_vlan_tci};
    return true;
  }
  return false;
}

void addTo(uint8_t* field, uint16_t added) {
  uint16_t value;
  std::memcpy(&value, field, sizeof value);
  value += added;
  std::memcpy(field, &value, sizeof value);
}

/** Puts the tag behind the addresses, which move forward with the virtio header. */
void insertTag(uint8_t* data, const Tag& tag) {
  uint8_t* const header = data - abi::VNET_BYTES;
  std::memmove(header - TAG_BYTES, header, abi::VNET_BYTES + MAC_PAIR_BYTES);
  uint8_t* const moved = header - TAG_BYTES;
  if (moved[number(abi::Vnet::Flags)] & virtio::NEEDS_CSUM) {
    addTo(moved + number(abi::Vnet::ChecksumStart), TAG_BYTES);
  }
  if (moved[number(abi::Vnet::GsoType)] != 0) {
    addTo(moved + number(abi::Vnet::HeaderBytes), TAG_BYTES);
  }
  const uint16_t wire[] = {htons(tag.tpid), htons(tag.tci)};
  std::memcpy(data - TAG_BYTES + MAC_PAIR_BYTES, wire, sizeof wire);
}

/** Not what is longer than any frame may be. */
void keepFrame(const Memory& memory, Slots& slots, uint32_t data, mmsghdr& message) {
  msghdr& header = message.msg_hdr;
  if ((header.msg_flags & MSG_TRUNC) != 0 || message.msg_len <= abi::VNET_BYTES) return;
  uint32_t bytes = message.msg_len - abi::VNET_BYTES;
  Tag tag;
  if (bytes >= MAC_PAIR_BYTES && findTag(header, tag)) {
    insertTag(memory.base + data, tag);
    data -= TAG_BYTES;
    bytes += TAG_BYTES;
  }
  slots.keep(data, bytes, rxFlags(memory.base + data - abi::VNET_BYTES));
}

/** One call of recvmmsg. Returns what it does, and keeps what it brings. */
int receiveSome(const Memory& memory, int fd, Slots& slots, uint32_t most) {
  Messages messages;
  for (uint32_t i = 0; i < most; i++) messages.prepare(i, memory.base + slots.data(i));
  const int got = recvmmsg(fd, messages.headers, most, MSG_DONTWAIT, nullptr);
  for (int i = 0; i < got; i++) keepFrame(memory, slots, slots.data(i), messages.headers[i]);
  slots.renew();
  return got;
}

} // namespace

void PacketPort::markReady(uint32_t input, bool) {
  if (input == LINKS_INPUT) hasLinkNews_ = true;
}

int32_t PacketPort::receive(const Memory& memory, const RxTarget& target) {
  Slots slots(memory, target);
  int lost = 0;
  while (const uint32_t most = slots.free(CALL_FRAMES)) {
    const int got = receiveSome(memory, packet_.get(), slots, most);
    if (got == static_cast<int>(most)) continue;
    if (got >= 0 || errno == EAGAIN) break;
    // EINVAL: a frame that was lost. ENETDOWN: said once. Others: try again next time.
    if (errno != EINTR && errno != EINVAL && errno != ENETDOWN) break;
    if (errno != EINTR && ++lost == MOST_LOST) break;
  }
  slots.finish();
  if (slots.kept() == 0 && hasLinkNews_ && isGone()) return -ENODEV;
  return slots.kept();
}

/** Reads the news, which may be about any link. */
bool PacketPort::isGone() {
  uint8_t news[1];
  while (recv(links_.get(), news, sizeof news, MSG_DONTWAIT) >= 0 || errno == ENOBUFS) continue;
  hasLinkNews_ = false;
  return !hasInterface(packet_.get());
}

uint32_t PacketPort::send(const Memory& memory, const TxRun& run) {
  const iovec noOffload{const_cast<uint8_t*>(NO_OFFLOAD), sizeof NO_OFFLOAD};
  SendBatch batch(memory);
  uint32_t refused = 0;
  for (uint32_t i = 0; i < run.count; i++) {
    const size_t at = run.first + size_t{i} * abi::TX_BYTES;
    const TxFrame frame = loadTx(memory, at);
    if (!frame.isInside(memory)) {
      markTx(memory, at, Refusal::Refused);
      refused++;
      continue;
    }
    uint8_t* const data = memory.base + frame.data;
    if (frame.isOffload) batch.add(at, {data - abi::VNET_BYTES, abi::VNET_BYTES + frame.bytes});
    else batch.add(at, noOffload, {data, frame.bytes});
    if (batch.isFull()) refused += batch.flush(packet_.get());
  }
  return refused + batch.flush(packet_.get());
}
