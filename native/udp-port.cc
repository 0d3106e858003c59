#include "udp-port.h"

#include "error.h"
#include "poll.h"
#include "netns.h"
#include "socket.h"
#include "udp-multicast.h"
#include "udp-receive.h"
#include "udp-send.h"
#include "udp.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

namespace {

/** Most frames about errors in one burst: a flood of them must not keep frames from coming. */
constexpr uint32_t MOST_ERRORS = 16;

/** Inputs that are senders: their way, and their place in it. */
constexpr uint32_t SENDER_INPUT = 1 << 16;
constexpr uint32_t WAY_SHIFT = 12;
constexpr uint32_t PLACE_BITS = (1 << WAY_SHIFT) - 1;

/** Raw frames of one family on their way. */
class RawRun {
 public:
  explicit RawRun(const Memory& memory) : batch_(memory) {}

  void add(int raw, size_t at, iovec packet, const SocketAddress& to) {
    if (raw != raw_ || batch_.isFull()) flush();
    raw_ = raw;
    SocketAddress host = to;
    host.setPort(0);
    batch_.add(at, packet, {}, &host);
  }

  void flush() { refused_ += batch_.flush(raw_); }

  uint32_t refused() const { return refused_; }

 private:
  SendBatch batch_;
  int raw_ = -1;
  uint32_t refused_ = 0;
};

} // namespace

UdpPort::UdpPort(UdpSockets sockets) : netns_(std::move(sockets.netns)) {
  for (const auto* list : {&sockets.receive, &sockets.raw}) {
    for (const Fd& fd : *list) makeWay(boundAddress(fd.get()), sockets);
  }
  for (Fd& fd : sockets.receive) {
    const SocketAddress at = boundAddress(fd.get());
    if (!isGroup(at)) adopt(fd, at);
    inputs_.push_back({std::move(fd), at, false});
  }
  for (Fd& fd : sockets.errors) {
    const SocketAddress at = boundAddress(fd.get());
    inputs_.push_back({std::move(fd), at, true});
  }
  raw_ = std::move(sockets.raw);
}

UdpPort::Way* UdpPort::wayOf(int family) const {
  for (const auto& way : ways_) {
    if (way->senders.family() == family) return way.get();
  }
  return nullptr;
}

void UdpPort::makeWay(const SocketAddress& at, const UdpSockets& sockets) {
  if (wayOf(at.family()) != nullptr || isGroup(at)) return;
  const auto isOfFamily = [&](const Fd& fd) {
    return optionOf(fd.get(), SOL_SOCKET, SO_DOMAIN) == at.family();
  };
  const auto& [receive, raw, errors, netns] = sockets;
  const bool hasErrors = std::any_of(errors.begin(), errors.end(), isOfFamily);
  const auto found = std::find_if(raw.begin(), raw.end(), isOfFamily);
  const int rawFd = found == raw.end() ? -1 : found->get();
  int ifindex = 0;
  inNetns(netns_.get(), [&] { ifindex = ifindexOf(at); });
  ways_.push_back(std::make_unique<Way>(Way{{at, netns_.get(), ifindex, !hasErrors}, rawFd, {}}));
}

/** What receives on a port sends from it, too. */
void UdpPort::adopt(const Fd& fd, const SocketAddress& at) {
  Way& way = *wayOf(at.family());
  if (way.senders.hasErrorQueue()) setErrorQueue(fd.get(), at.family());
  Fd sender(fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!sender.isOpen()) fail("dup", at.text());
  way.senders.adopt(std::move(sender));
}

std::vector<int> UdpPort::inputs() const {
  std::vector<int> result;
  for (const Input& input : inputs_) result.push_back(input.fd.get());
  return result;
}

void UdpPort::joined(Poll& poll, uint16_t index) {
  poll_ = &poll;
  index_ = index;
}

void UdpPort::markReady(uint32_t input, bool hasError) {
  if (input < inputs_.size()) {
    inputs_[input].isReady = true;
    inputs_[input].hasError = hasError;
    return;
  }
  const uint32_t way = (input - SENDER_INPUT) >> WAY_SHIFT;
  if (way < ways_.size()) ways_[way]->failed.push_back(input & PLACE_BITS);
}

int32_t UdpPort::receive(const Memory& memory, const RxTarget& target) {
  Slots slots(memory, target);
  const auto isMarked = [](const Input& input) { return input.isReady; };
  const bool readsAll = std::none_of(inputs_.begin(), inputs_.end(), isMarked);
  receiveErrors(memory, slots);
  for (uint32_t i = 0; i < inputs_.size(); i++) {
    Input& input = inputs_[(first_ + i) % inputs_.size()];
    if (!readsAll && !input.isReady) continue;
    const UdpSource source{input.fd.get(), input.at};
    if (input.isErrors) receiveIcmp(memory, source, slots, MOST_ERRORS);
    else receiveUdp(memory, source, slots);
    input.isReady = false;
  }
  first_++;
  slots.finish();
  return slots.kept();
}

/** From error queues. */
void UdpPort::receiveErrors(const Memory& memory, Slots& slots) {
  for (Input& input : inputs_) {
    if (!std::exchange(input.hasError, false) || input.isErrors) continue;
    receiveQueuedErrors(memory, {input.fd.get(), input.at}, slots, MOST_ERRORS);
  }
  for (const auto& way : ways_) {
    for (const uint32_t place : way->failed) {
      const UdpSender* const sender = way->senders.at(place);
      if (sender == nullptr || !sender->fd.isOpen()) continue;
      receiveQueuedErrors(memory, {sender->fd.get(), sender->at}, slots, MOST_ERRORS);
    }
    way->failed.clear();
  }
}

uint32_t UdpPort::send(const Memory& memory, const TxRun& run) {
  RawRun raw(memory);
  uint32_t refused = 0;
  for (uint32_t i = 0; i < run.count; i++) {
    const size_t at = run.first + size_t{i} * abi::TX_BYTES;
    const TxFrame frame = loadTx(memory, at);
    UdpFrame headers;
    const bool isGood = frame.isInside(memory) &&
                        headers.parse(memory.base + frame.data, frame.bytes);
    const Way* const way = isGood ? wayOf(headers.to.family()) : nullptr;
    if (way != nullptr && way->raw >= 0 && !frame.isOffload) {
      uint8_t* const ip = memory.base + frame.data + wire::ETHERNET_BYTES;
      raw.add(way->raw, at, {ip, frame.bytes - wire::ETHERNET_BYTES}, headers.to);
      continue;
    }
    raw.flush(); // what came before goes before
    const int error = way == nullptr ? EINVAL : sendBySender(memory, frame, headers);
    if (error == 0) continue;
    markTx(memory, at, isDeviceGone(error) ? Refusal::Gone : Refusal::Refused);
    refused++;
  }
  raw.flush();
  return refused + raw.refused();
}

/** Returns 0 or an errno. */
int UdpPort::sendBySender(const Memory& memory, const TxFrame& frame, const UdpFrame& headers) {
  UdpSender* const sender = senderFor(*wayOf(headers.to.family()), headers.fromPort);
  return sender == nullptr ? errno : sendUdp(memory, *sender, frame, headers);
}

UdpSender* UdpPort::senderFor(Way& way, uint16_t port) {
  bool isNew;
  UdpSender* const sender = way.senders.find(port, isNew);
  if (sender == nullptr || !isNew || !way.senders.hasErrorQueue() || poll_ == nullptr) return sender;
  const uint32_t index = &way == ways_[0].get() ? 0 : 1;
  const uint32_t input = SENDER_INPUT + (index << WAY_SHIFT) + way.senders.placeOf(*sender);
  try {
    poll_->add(sender->fd.get(), index_, input, 0);
  } catch (const SystemError&) {
    // It sends; its errors will not be heard.
  }
  return sender;
}
