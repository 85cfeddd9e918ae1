#pragma once

#include "tests/unit/scsi/bytes_of.hpp"

#include "iscsid/device/scanner.hpp"

#include "libiscsi/scsi/cdb.hpp"
#include "libiscsi/scsi/lun.hpp"
#include "libiscsi/scsi/sense.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <map>
#include <memory>
#include <set>
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

// A clock that stands still until nothing else can go on, then jumps to whatever is waited for.
class virtual_clock final : public scan_clock {
  public:
    iscsi::instant now() const override { return now_; }

    boost::asio::awaitable<void> sleep(iscsi::duration time) const override;

    // Runs all of it to the end.
    void run(boost::asio::io_context& context);

  private:
    using timer_pointer = std::shared_ptr<boost::asio::steady_timer>;

    mutable std::multimap<iscsi::instant, timer_pointer> sleepers_;
    iscsi::instant now_{std::chrono::hours(1)};
};

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

    // How long the unit thinks about each command.
    void takes(std::uint64_t lun, std::chrono::milliseconds time) { delays_[lun] = time; }

    // The unit, or one question to it, is never answered.
    void is_silent(std::uint64_t lun) { delays_[lun] = for_ever; }

    void is_silent(std::uint64_t lun, const question& to) { silent_.insert({lun, to}); }

    // Answers as a target does that has never heard of residual counts.
    void forgets_residuals() { forgets_residuals_ = true; }

    // Looks only at the low byte of INQUIRY's allocation length, as of SPC-2.
    void reads_short_lengths() { reads_short_lengths_ = true; }

    execute_function executor(const scan_clock& clock = system_clock());
    unsigned times_asked(std::uint64_t lun, const question& what) const;

    std::size_t commands() const { return commands_; }

    // The most commands that were under way at the same time, and whether ever two of one unit.
    std::size_t most_under_way() const { return most_under_way_; }

    bool was_crowded() const { return was_crowded_; }

    iscsi::duration scan_time{}; // of the last scan_of()

  private:
    using key = std::pair<std::uint64_t, question>;

    static constexpr std::chrono::milliseconds for_ever = std::chrono::hours(1000);

    iscsi::result<lane::scsi_outcome> execute(const iscsi::command& what);
    lane::scsi_outcome next_answer(const key& to);
    std::size_t length_of(const iscsi::command& what, std::size_t available) const;
    std::chrono::milliseconds delay_of(const key& asked) const;

    std::map<key, std::deque<lane::scsi_outcome>> script_;
    std::map<key, unsigned> asked_;
    std::map<std::uint64_t, std::chrono::milliseconds> delays_;
    std::set<key> silent_;
    std::multiset<std::uint64_t> under_way_; // LUNs
    std::size_t most_under_way_ = 0;
    bool was_crowded_ = false;
    bool forgets_residuals_ = false;
    bool reads_short_lengths_ = false;
    std::size_t commands_ = 0;
    std::size_t lives_for_ = static_cast<std::size_t>(-1);
};

// Runs a scan to its end, in virtual time.
iscsi::result<scan_result> scan_of(scripted_target& target, const scan_limits& limits = {});

} // namespace iscsid::device::test
