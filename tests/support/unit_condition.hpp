#pragma once

#include "tests/support/memory_disk.hpp"

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>

namespace iscsi::test {

// Sense key, additional sense code and its qualifier (SPC-4 §4.5).
struct sense_code {
    std::uint8_t key = 0;
    std::uint8_t asc = 0;
    std::uint8_t ascq = 0;

    scsi_answer answer() const { return scsi_answer::check_condition(key, asc, ascq); }
};

namespace sense {
inline constexpr sense_code offline{0x02, 0x04, 0x03};   // manual intervention required
inline constexpr sense_code no_such_unit{0x05, 0x25, 0}; // logical unit not supported
inline constexpr sense_code reset{0x06, 0x29, 0x00};     // power on or reset
inline constexpr sense_code mode_changed{0x06, 0x2a, 0x01};
inline constexpr sense_code capacity_changed{0x06, 0x2a, 0x09};
inline constexpr sense_code access_changed{0x06, 0x2a, 0x06}; // asymmetric access state
inline constexpr sense_code inquiry_changed{0x06, 0x3f, 0x03};
inline constexpr sense_code luns_changed{0x06, 0x3f, 0x0e};
} // namespace sense

// An initiator port and its session (SAM-5 §4.3): initiator name and ISID. Empty: nobody, who is
// told nothing.
using nexus = std::string;

// A persistent reservation of another initiator (SPC-4 §5.14).
enum class reservation : std::uint8_t {
    none,
    write_exclusive,  // conflicts with what writes, and with SYNCHRONIZE CACHE (as SCST has it)
    exclusive_access, // and with what reads
};

// What a logical unit of a memory_target says in place of its disk, and how long it takes for it.
class unit_condition {
  public:
    // The answer in place of the disk's, if there is one. The order is that of SAM-5 §5.14:
    // INQUIRY, REPORT LUNS and REQUEST SENSE pass by, then the oldest unit attention, then
    // `refuses`.
    std::optional<scsi_answer> answer_to(const nexus& from, const cdb_bytes& cdb);

    // To be told to that initiator once; the same is not queued twice.
    void add_attention(const nexus& to, const sense_code& what);

    void forget(const nexus& who) { attentions_.erase(who); }

    std::optional<sense_code> refuses; // not ready, or gone behind the initiator's back
    bool holds = false;                // takes commands and does not answer them
    reservation reserved = reservation::none;

    // Time from the last byte of a command to its answer; with `one_by_one` a command begins when
    // the one before it has ended.
    std::chrono::milliseconds delay{0};
    bool one_by_one = false;
    std::chrono::steady_clock::time_point busy_until{};

    // When a command that is whole now may be answered, and takes its place in the row.
    std::chrono::steady_clock::time_point due(std::chrono::steady_clock::time_point now);

  private:
    std::map<nexus, std::deque<sense_code>> attentions_;
};

} // namespace iscsi::test
