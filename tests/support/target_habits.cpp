#include "tests/support/target_habits.hpp"

#include "tests/support/memory_target.hpp"

#include <array>
#include <stdexcept>

namespace iscsi::test {
namespace {

constexpr std::uint32_t kib = 1024;

// iscsi-scst 3.11.
void like_scst(target_options& target, disk_options& disk) {
    auto& habits = target.habits;
    habits.time2wait = 0; // §13.15 wants the larger of both
    habits.time2retain = 0;
    habits.ping_interval = std::chrono::seconds(2);
    habits.attention_at_login = true;
    habits.events_with_attentions = true;
    target.command_window = 4;
    target.wants.initial_r2t = true;
    target.wants.immediate_data = false;
    target.wants.max_outstanding_r2t = 8;
    target.wants.max_burst_length = 1024 * kib;
    target.wants.first_burst_length = 64 * kib;
    disk.vendor = "SCST_FIO";
    disk.product = "disk";
}

// iscsitarget 1.4.20.3.
void like_iet(target_options& target, disk_options& disk) {
    auto& habits = target.habits;
    habits.tag_comes_first = true;
    habits.closes_on_long_login = true;
    habits.leaves_next_stage = true;
    habits.discovery_handle = 1;
    habits.discovery_knows_text_only = true;
    habits.first_window = 2;
    habits.text_is_rejected = true;
    habits.one_transfer_tag = true;
    habits.drops_wrong_offsets = true;
    habits.counts_writes_late = true;
    habits.cold_reset_closes = true;
    habits.few_task_functions = true;
    habits.attention_at_login = true;
    habits.crashes_on_write_same_without_data = true;
    target.chap.algorithms = {5};
    target.chap.looks_at_first_only = true;
    target.command_window = 32;
    target.wants.header_digest = target.wants.data_digest = {digest::none, digest::crc32c};
    target.wants.initial_r2t = true;
    target.wants.max_burst_length = 256 * kib;
    target.wants.first_burst_length = 64 * kib;
    target.wants.max_outstanding_r2t = 1;
    target.wants.max_recv_data_segment_length = 8 * kib;
    target.wants.default_time2retain = 0;
    disk.vendor = "IET";
    disk.product = "VIRTUAL-DISK";
    disk.thin = false;
    disk.one_byte_allocation = true;
    disk.binary_designator = true;
    disk.vital_pages = {0x00, 0x80, 0x83};
    // READ, WRITE(12), SYNCHRONIZE CACHE(16), UNMAP, MODE SENSE(10), COMPARE AND WRITE
    disk.unsupported = {0xa8, 0xaa, 0x91, 0x42, 0x5a, 0x89};
}

void like_lio(target_options& target, disk_options& disk) {
    target.wants.max_burst_length = 256 * kib;
    target.wants.first_burst_length = 64 * kib;
    target.wants.initial_r2t = true;
    target.wants.max_outstanding_r2t = 1;
    target.command_window = 64;
    disk.vendor = "LIO-ORG";
    disk.product = "RAMDISK-MCP";
    disk.write_cache = true;
}

void like_tgt(target_options& target, disk_options& disk) {
    target.wants.max_burst_length = 256 * kib;
    target.wants.first_burst_length = 64 * kib;
    target.wants.initial_r2t = true;
    target.wants.max_recv_data_segment_length = 8 * kib;
    target.command_window = 128;
    target.has_controller = true;
    target.late_writes = true;
    target.habits.lands_late_writes = true;
    target.habits.attention_at_login = true;
    disk.vendor = "IET"; // as its sources have it
    disk.product = "VIRTUAL-DISK";
}

void like_istgt(target_options& target, disk_options& disk) {
    target.wants.max_burst_length = 1024 * kib;
    target.wants.first_burst_length = 256 * kib;
    target.wants.initial_r2t = true;
    target.wants.max_recv_data_segment_length = 256 * kib;
    target.wants.max_outstanding_r2t = 16;
    disk.vendor = "FreeBSD";
    disk.product = "iSCSI DISK";
}

struct profile {
    const char* name;
    void (*apply)(target_options&, disk_options&);
};

constexpr std::array profiles{
    profile{"scst", like_scst},
    profile{"iet", like_iet},
    profile{"lio", like_lio},
    profile{"tgt", like_tgt},
    profile{"istgt", like_istgt},
};

} // namespace

const std::vector<std::string>& target_profiles() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> all;
        for (const auto& each : profiles)
            all.emplace_back(each.name);
        return all;
    }();
    return names;
}

void behave_like(std::string_view name, target_options& target, disk_options& disk) {
    for (const auto& each : profiles)
        if (name == each.name)
            return each.apply(target, disk);
    throw std::invalid_argument("no profile " + std::string(name));
}

} // namespace iscsi::test
