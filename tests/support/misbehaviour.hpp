#pragma once

#include "tests/support/pdu_stream.hpp"
#include "tests/support/target_link.hpp"

#include <random>

namespace iscsi::test {

// Does wrong things to what a correct target says, PDU by PDU: what RFC 7143 lets an initiator
// notice at ErrorRecoveryLevel 0. Never what nobody could notice, like other data with a right
// digest, or the answer to another task.
class misbehaviour {
  public:
    // One PDU in `odds` is spoilt; 0: none.
    misbehaviour(std::mt19937& random, std::uint32_t odds) : random_(random), odds_(odds) {}

    // `said` are whole PDUs of full feature phase.
    void spoil(std::vector<std::byte>& said, const target_link& by);

    std::uint64_t offences() const { return offences_; }

  private:
    bool one_in(std::uint32_t odds);
    std::uint32_t number(std::uint32_t low, std::uint32_t high);

    void add_spoilt(std::vector<std::byte>& to, const raw_pdu& pdu, digests which);
    void damage(std::vector<std::byte>& to, const raw_pdu& pdu, digests which);

    std::mt19937& random_;
    std::uint32_t odds_;
    std::uint64_t offences_ = 0;
};

} // namespace iscsi::test
