#include "tests/support/memory_target.hpp"

#include "tests/support/target_link.hpp"

#include <algorithm>
#include <utility>

namespace iscsi::test {
namespace {

constexpr std::uint8_t inquiry_code = 0x12;
constexpr std::uint8_t report_luns_code = 0xa0;
constexpr std::uint8_t write_same_16 = 0x93;
constexpr std::uint8_t storage_array_controller = 0x0c; // SPC-4 table 143

bool is_write_same_without_data(const cdb_bytes& cdb) { // NDOB, SBC-4
    return std::to_integer<std::uint8_t>(cdb[0]) == write_same_16 &&
           (std::to_integer<std::uint8_t>(cdb[1]) & 1U) != 0;
}

} // namespace

std::uint16_t number_of(const lun_field& lun) {
    return load_be16(lun.data()) & 0x3fffU;
}

nexus nexus_of(const std::string& initiator, const isid_field& isid) {
    nexus name = initiator + ",";
    for (const auto each : isid)
        name += std::to_integer<char>(each);
    return name;
}

memory_target::memory_target(target_options options, disk_options disk)
    : options_(std::move(options)) {
    if (options_.has_controller) {
        auto controller = disk;
        controller.size = disk.block_size;
        controller.product = "Controller";
        controller.device_type = storage_array_controller;
        add_disk(0, std::move(controller));
    }
    add_disk(options_.has_controller ? 1 : 0, std::move(disk));
}

void memory_target::add_disk(std::uint16_t lun, disk_options disk) {
    disks_[lun] = std::make_unique<memory_disk>(std::move(disk));
}

void memory_target::remove_disk(std::uint16_t lun) {
    disks_.erase(lun);
    conditions_.erase(lun);
}

void memory_target::raise_attention(std::uint16_t lun, const sense_code& what) {
    for (const auto& [who, link] : sessions_) {
        conditions_[lun].add_attention(nexus_of(who.first, who.second), what);
        if (options_.habits.events_with_attentions)
            link->tell_attention(lun, what);
    }
}

void memory_target::raise_attention_elsewhere(std::uint16_t lun, const sense_code& what) {
    for (const auto& [number, disk] : disks_)
        if (number != lun)
            raise_attention(number, what);
}

std::uint64_t memory_target::commands(std::uint8_t operation) const {
    const auto found = by_operation_.find(operation);
    return found == by_operation_.end() ? 0 : found->second;
}

scsi_answer memory_target::execute(
    const lun_field& lun, const cdb_bytes& cdb, bytes_view data_out, const nexus& from
) {
    ++commands_;
    ++by_operation_[std::to_integer<std::uint8_t>(cdb[0])];
    const std::uint16_t number = number_of(lun);
    if (options_.habits.crashes_on_write_same_without_data && is_write_same_without_data(cdb)) {
        complain("WRITE SAME(16) without data: the target has crashed");
        crash();
    }
    if (intercept)
        if (auto answer = intercept(number, cdb))
            return std::move(*answer);
    if (std::to_integer<std::uint8_t>(cdb[0]) == report_luns_code)
        return report_luns();
    if (const auto unit = conditions_.find(number); unit != conditions_.end())
        if (auto answer = unit->second.answer_to(from, cdb))
            return std::move(*answer);
    if (options_.null)
        if (auto answer = without_medium(cdb))
            return std::move(*answer);
    const auto found = disks_.find(number);
    if (found == disks_.end())
        return no_such_unit(cdb);
    if (auto answer = registrations_[number].answer_to(from, cdb, data_out))
        return std::move(*answer);
    return found->second->execute(cdb, data_out);
}

// READ(10), READ(16), WRITE(10) and WRITE(16) of a null device (SBC-3).
std::optional<scsi_answer> memory_target::without_medium(const cdb_bytes& cdb) const {
    const std::size_t block_size =
        disks_.empty() ? 512 : disks_.begin()->second->options().block_size;
    const auto zeros = [block_size](std::size_t blocks) {
        scsi_answer answer;
        answer.zeros = std::min(blocks * block_size, most_zero_bytes);
        return answer;
    };
    switch (std::to_integer<std::uint8_t>(cdb[0])) {
    case 0x28:
        return zeros(load_be16(cdb.data() + 7));
    case 0x88:
        return zeros(load_be32(cdb.data() + 10));
    case 0x2a:
    case 0x8a:
        return scsi_answer::good();
    default:
        return std::nullopt;
    }
}

scsi_answer memory_target::report_luns() const {
    std::vector<std::byte> data(8 + 8 * disks_.size());
    store_be32(data.data(), static_cast<std::uint32_t>(8 * disks_.size()));
    std::size_t at = 8;
    for (const auto& [number, disk] : disks_) {
        store_be16(data.data() + at, number < 256 ? number : number | 0x4000U);
        at += 8;
    }
    return scsi_answer::good(std::move(data));
}

scsi_answer memory_target::no_such_unit(const cdb_bytes& cdb) const {
    if (std::to_integer<std::uint8_t>(cdb[0]) != inquiry_code)
        return scsi_answer::check_condition(0x05, 0x25, 0x00);
    std::vector<std::byte> data(36);
    data[0] = std::byte{0x7f}; // no device, and none can be there
    return scsi_answer::good(std::move(data));
}

void memory_target::keep_late_write(
    const lun_field& lun, const cdb_bytes& cdb, std::vector<std::byte> data
) {
    late_writes_.push_back({lun, cdb, std::move(data)});
}

void memory_target::land_late_writes() {
    for (const auto& late : std::exchange(late_writes_, {}))
        execute(late.lun, late.cdb, late.data);
}

void memory_target::land_late_writes(const lun_field& lun) {
    const auto others =
        std::stable_partition(late_writes_.begin(), late_writes_.end(), [&](const auto& late) {
            return late.lun == lun;
        });
    for (auto late = late_writes_.begin(); late != others; ++late)
        execute(late->lun, late->cdb, late->data);
    late_writes_.erase(late_writes_.begin(), others);
}

std::uint16_t
memory_target::enter(const std::string& initiator, const isid_field& isid, target_link& link) {
    ++logins_;
    auto* const former = std::exchange(sessions_[{initiator, isid}], &link);
    if (former != nullptr && former != &link)
        former->end(); // it calls leave()
    if (++last_handle_ == 0)
        ++last_handle_;
    if (options_.habits.attention_at_login)
        for (const auto& [number, disk] : disks_)
            conditions_[number].add_attention(nexus_of(initiator, isid), sense::reset);
    return last_handle_;
}

std::optional<instant> memory_target::due(const lun_field& lun, duration of_its_own) {
    const auto unit = conditions_.find(number_of(lun));
    if (!clock)
        return std::nullopt;
    const auto now = clock();
    const auto when = (unit == conditions_.end() ? now : unit->second.due(now)) + of_its_own;
    return when > now ? std::optional(when) : std::nullopt;
}

bool memory_target::holds(const lun_field& lun) const {
    const auto unit = conditions_.find(number_of(lun));
    return holds_commands || (unit != conditions_.end() && unit->second.holds);
}

void memory_target::leave(const target_link& link) {
    std::erase_if(sessions_, [&link](const auto& entry) { return entry.second == &link; });
}

} // namespace iscsi::test
