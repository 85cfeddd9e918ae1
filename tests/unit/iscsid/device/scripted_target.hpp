#pragma once

#include "tests/unit/scsi/bytes_of.hpp"

#include "iscsid/device/scanner.hpp"

#include "libiscsi/scsi/cdb.hpp"
#include "libiscsi/scsi/lun.hpp"
#include "libiscsi/scsi/sense.hpp"

#include <deque>
#include <map>
#include <string>

namespace iscsid::device::test {

using scsi::test::bytes;
using scsi::test::bytes_of;
using scsi::test::text_bytes;
using scsi::test::zeros;

// What a command asks, apart from lengths: its operation code and for INQUIRY and MODE SENSE the
// page (0x100 added for EVPD).
struct question {
    scsi::operation_code operation{};
    unsigned page = 0;

    friend auto operator<=>(const question&, const question&) = default;
};

inline question standard_inquiry() {
    return {scsi::operation_code::inquiry, 0};
}

inline question vpd(unsigned page) {
    return {scsi::operation_code::inquiry, 0x100 | page};
}

inline question plain(scsi::operation_code operation) {
    return {operation, 0};
}

inline question mode_6(unsigned page) {
    return {scsi::operation_code::mode_sense_6, page};
}

inline question mode_10(unsigned page) {
    return {scsi::operation_code::mode_sense_10, page};
}

lane::scsi_outcome sends(const bytes& from);
lane::scsi_outcome status(unsigned code);
lane::scsi_outcome sense(scsi::sense_key key, unsigned code, unsigned qualifier);
lane::scsi_outcome ended(iscsi::task_result how);

// Answers by LUN and question: each answer once, the last one for ever. What nobody scripted is
// refused as an invalid operation code. Data is cut to the room of the command.
class scripted_target {
  public:
    void answer(std::uint64_t lun, const question& to, std::deque<lane::scsi_outcome> answers);

    // A REPORT LUNS list of these numbers.
    void has_luns(const std::vector<std::uint64_t>& numbers);

    // A thin 2 GiB disk with all VPD pages and a write cache, as tgtd would show it.
    void has_disk(std::uint64_t lun);

    // Ends the session with the n-th command.
    void loses_session_after(std::size_t commands) { lives_for_ = commands; }

    execute_function executor();
    unsigned times_asked(std::uint64_t lun, const question& what) const;

    std::size_t commands() const { return commands_; }

  private:
    using key = std::pair<std::uint64_t, question>;

    iscsi::result<lane::scsi_outcome> execute(const iscsi::command& what);
    lane::scsi_outcome next_answer(const key& to);

    std::map<key, std::deque<lane::scsi_outcome>> script_;
    std::map<key, unsigned> asked_;
    std::size_t commands_ = 0;
    std::size_t lives_for_ = static_cast<std::size_t>(-1);
};

// Runs a scan to its end, without pauses.
iscsi::result<scan_result> scan_of(scripted_target& target);

} // namespace iscsid::device::test
