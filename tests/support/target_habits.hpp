#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace iscsi::test {

struct target_options;
struct disk_options;

// Where targets in use leave RFC 7143, SPC and SBC, or do what these leave open in a way that
// initiators have stumbled over. All off: a target that keeps the standards.
struct target_habits {
    // ---- login ----
    std::optional<std::uint16_t> time2wait;        // answered whatever was offered
    std::optional<std::uint16_t> time2retain;      //
    bool tag_comes_first = false;                  // TargetPortalGroupTag before all other keys
    bool closes_on_long_login = false;             // login text over 8192 bytes
    bool leaves_next_stage = false;                // NSG is set without T, too
    std::optional<std::uint16_t> discovery_handle; // TSIH of every discovery session
    bool discovery_knows_text_only = false; // any PDU but Text and Logout closes the connection
    std::vector<std::string> initiators;    // who may log in; empty: all (else 0202)

    // ---- full feature phase ----
    std::uint32_t first_window = 0;   // command window before the first command; 0: as later
    bool text_is_rejected = false;    // Reject 0x05 in a normal session, also of SNACK
    bool one_transfer_tag = false;    // all R2Ts of a command carry the same
    bool drops_wrong_offsets = false; // Data-Out, without a word
    bool counts_writes_late = false;  // ExpCmdSN passes a write only when its data are there
    bool cold_reset_closes = false;   // the connection
    bool few_task_functions = false;  // CLEAR ACA, CLEAR TASK SET, TASK REASSIGN: response 5
    std::chrono::milliseconds ping_interval{0}; // NOP-In of its own; 0: none
    bool lands_late_writes = false; // of an ended connection, some time after the next login

    // ---- SCSI ----
    bool attention_at_login = false;     // 29/00 of each unit, to each session
    bool events_with_attentions = false; // an Asynchronous Message with the same sense
    bool crashes_on_write_same_without_data = false;
};

// The names of the profiles: scst, iet, lio, tgt, istgt.
const std::vector<std::string>& target_profiles();

// Makes a target and its disks behave like one of them. Throws std::invalid_argument.
void behave_like(std::string_view profile, target_options& target, disk_options& disk);

} // namespace iscsi::test
