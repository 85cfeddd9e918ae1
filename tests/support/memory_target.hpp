#pragma once

#include "tests/support/memory_disk.hpp"
#include "tests/support/registrations.hpp"
#include "tests/support/target_chap.hpp"
#include "tests/support/target_habits.hpp"
#include "tests/support/unit_condition.hpp"

#include "libiscsi/base/text.hpp"
#include "libiscsi/core/parameters.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace iscsi::test {

class target_link;

nexus nexus_of(const std::string& initiator, const isid_field& isid);

// Single level: peripheral device or flat space addressing (SAM-5 §4.7).
std::uint16_t number_of(const lun_field& lun);

struct target_options {
    std::string name = "iqn.2026-01.org.example:memory";
    unsigned further_names = 0; // NAME-1 and so on: targets of their own with the same disks
    std::string alias = "memory target";
    std::uint16_t portal_group_tag = 1;
    std::string address = "127.0.0.1:3260"; // told by SendTargets

    // What the target wants in the negotiation; max_recv_data_segment_length is what it declares.
    operational_offer wants = generous();

    std::uint32_t command_window = 32; // 0: closed
    bool status_in_data_in = true;     // GOOD rides in the last Data-In
    std::uint32_t first_status_sn = 1000;
    text_pairs send_targets; // the whole answer, when it is not just this target

    // A null device: reads give zeros, what is written is thrown away. For benchmarks.
    bool null = false;

    // A write whose connection ends before its answer is finished when land_late_writes() says so,
    // as by targets that let running commands go on; session reinstatement does not wait for it.
    bool late_writes = false;

    target_habits habits;
    chap_options chap;
    bool has_controller = false; // LUN 0 is a storage array controller, disks begin at 1

    std::optional<std::pair<std::uint8_t, std::uint8_t>> refuse_login; // status class and detail
    std::string redirect_to;                                           // a TargetAddress

    static operational_offer generous() {
        operational_offer wants;
        wants.header_digest = wants.data_digest = {digest::crc32c, digest::none};
        wants.max_outstanding_r2t = 8;
        wants.max_recv_data_segment_length = 65536;
        wants.default_time2retain = 20;
        return wants;
    }
};

// What several connections share: disks, the sessions that are alive, and the complaints about
// initiators. One memory_target is one target with one portal group.
class memory_target {
  public:
    explicit memory_target(target_options options = {}, disk_options disk = {});

    target_options& options() { return options_; }

    void add_disk(std::uint16_t lun, disk_options disk);
    void remove_disk(std::uint16_t lun);

    memory_disk& disk(std::uint16_t lun = 0) { return *disks_.at(lun); }

    auto& disks() { return disks_; }

    // Of a LUN that is there or not.
    unit_condition& condition(std::uint16_t lun) { return conditions_[lun]; }

    // Tells all sessions that are alive: one unit, or all but one of a change of the list.
    void raise_attention(std::uint16_t lun, const sense_code& what);
    void raise_attention_elsewhere(std::uint16_t lun, const sense_code& what);

    // Executes a command, or asks `intercept` first; no answer from there means: go on.
    using interceptor =
        std::function<std::optional<scsi_answer>(std::uint16_t lun, const cdb_bytes& cdb)>;
    interceptor intercept;
    scsi_answer execute(
        const lun_field& lun, const cdb_bytes& cdb, bytes_view data_out, const nexus& from = {}
    );

    // While true, commands are taken and not answered.
    bool holds_commands = false;

    // While true, task management requests are obeyed and never answered.
    bool silent_task_management = false;
    std::uint64_t task_management_requests = 0; // so far

    // A request has ended a program that cannot bear it; what broke it is among the complaints.
    std::function<void()> crash = [] {};

    // For delays; none: nothing is delayed.
    std::function<instant()> clock;

    // A rule of RFC 7143 that the initiator has broken. A test expects none.
    void complain(std::string what) { complaints_.push_back(std::move(what)); }

    const std::vector<std::string>& complaints() const { return complaints_; }

    // ---- late writes ----
    void land_late_writes();
    void land_late_writes(const lun_field& lun); // a reset of the unit waits for them

    std::size_t late_writes() const { return late_writes_.size(); }

    // ---- for the connections ----
    void keep_late_write(const lun_field& lun, const cdb_bytes& cdb, std::vector<std::byte> data);

    // A new session reinstates the one of the same name and ISID (§6.3.5), which ends at once.
    std::uint16_t enter(const std::string& initiator, const isid_field& isid, target_link& link);

    // When an answer to that unit is due; now without a clock or a delay.
    std::optional<instant> due(const lun_field& lun, duration of_its_own);

    bool holds(const lun_field& lun) const;
    void leave(const target_link& link);

    std::uint64_t logins() const { return logins_; }

    std::uint64_t commands() const { return commands_; }

    // Commands of one operation code so far.
    std::uint64_t commands(std::uint8_t operation) const;

  private:
    struct late_write {
        lun_field lun{};
        cdb_bytes cdb{};
        std::vector<std::byte> data;
    };

    std::optional<scsi_answer> without_medium(const cdb_bytes& cdb) const;
    scsi_answer report_luns() const;
    scsi_answer no_such_unit(const cdb_bytes& cdb) const;

    target_options options_;
    std::map<std::uint16_t, std::unique_ptr<memory_disk>> disks_;
    std::map<std::uint16_t, unit_condition> conditions_;
    std::map<std::uint16_t, registrations> registrations_;
    std::map<std::uint8_t, std::uint64_t> by_operation_;
    std::map<std::pair<std::string, isid_field>, target_link*> sessions_;
    std::vector<std::string> complaints_;
    std::vector<late_write> late_writes_;
    std::uint16_t last_handle_ = 0;
    std::uint64_t logins_ = 0;
    std::uint64_t commands_ = 0;
};

} // namespace iscsi::test
