#include "send-batch.h"

#include "descriptor.h"

#include <cerrno>

void SendBatch::add(size_t at, iovec first, iovec second, const SocketAddress* to) {
  const uint32_t i = count_++;
  at_[i] = at;
  parts_[i][0] = first;
  parts_[i][1] = second;
  msghdr& header = messages_[i].msg_hdr;
  header = {};
  header.msg_iov = parts_[i];
  header.msg_iovlen = second.iov_len == 0 ? 1 : 2;
  if (to == nullptr) return;
  to_[i] = *to;
  header.msg_name = &to_[i];
  header.msg_namelen = to->bytes();
}

uint32_t SendBatch::flush(int fd) {
  uint32_t refused = 0;
  int tries = 0;
  for (uint32_t done = 0; done < count_;) {
    const int sent = sendmmsg(fd, messages_ + done, count_ - done, MSG_DONTWAIT);
    if (sent > 0) {
      done += sent;
      tries = 0;
      continue;
    }
    if (isWorthRetry(errno, ++tries)) continue;
    markTx(memory_, at_[done++], isDeviceGone(errno) ? Refusal::Gone : Refusal::Refused);
    refused++;
    tries = 0;
  }
  count_ = 0;
  return refused;
}

bool isWorthRetry(int error, int tries) {
  const bool isFull = error == EAGAIN || error == EINTR || error == ENOBUFS;
  // Others may be about something before, which a socket says once, at the next call.
  return tries < (isFull ? FULL_QUEUE_TRIES : 2);
}

bool isDeviceGone(int error) {
  return error == ENXIO || error == ENODEV || error == ENETDOWN || error == EBADFD || error == EIO;
}
