#include "burst.h"

#include "descriptor.h"

namespace {

uint16_t portOf(const Memory& memory, const TxRun& run, uint32_t index) {
  const size_t at = run.first + size_t{index} * abi::TX_BYTES;
  return memory.load<uint16_t>(at + abi::number(abi::Tx::Port));
}

uint32_t refuseAll(const Memory& memory, const TxRun& run) {
  for (uint32_t i = 0; i < run.count; i++) {
    markTx(memory, run.first + size_t{i} * abi::TX_BYTES, Refusal::Gone);
  }
  return run.count;
}

} // namespace

uint32_t sendBurst(const Memory& memory, const Ports& ports, uint32_t first, uint32_t count) {
  uint32_t refused = 0;
  for (TxRun rest{first, count}; rest.count != 0;) {
    const uint16_t index = portOf(memory, rest, 0);
    TxRun run{rest.first, 1};
    while (run.count < rest.count && portOf(memory, rest, run.count) == index) run.count++;
    Port* const port = ports.at(index);
    refused += port == nullptr ? refuseAll(memory, run) : port->send(memory, run);
    rest = {rest.first + run.count * abi::TX_BYTES, rest.count - run.count};
  }
  return refused;
}
