#include "tests/support/memory_target.hpp"

#include "tests/support/target_link.hpp"

#include <algorithm>
#include <utility>

namespace iscsi::test {
namespace {

constexpr std::uint8_t inquiry_code = 0x12;
constexpr std::uint8_t report_luns_code = 0xa0;

// Single level: peripheral device or flat space addressing (SAM-5 §4.7).
std::uint16_t number_of(const lun_field& lun) {
    return load_be16(lun.data()) & 0x3fffU;
}

} // namespace

memory_target::memory_target(target_options options, disk_options disk)
    : options_(std::move(options)) {
    add_disk(0, std::move(disk));
}

void memory_target::add_disk(std::uint16_t lun, disk_options disk) {
    disks_[lun] = std::make_unique<memory_disk>(std::move(disk));
}

scsi_answer
memory_target::execute(const lun_field& lun, const cdb_bytes& cdb, bytes_view data_out) {
    ++commands_;
    const std::uint16_t number = number_of(lun);
    if (intercept)
        if (auto answer = intercept(number, cdb))
            return std::move(*answer);
    if (std::to_integer<std::uint8_t>(cdb[0]) == report_luns_code)
        return report_luns();
    if (options_.null)
        if (auto answer = without_medium(cdb))
            return std::move(*answer);
    const auto found = disks_.find(number);
    return found == disks_.end() ? no_such_unit(cdb) : found->second->execute(cdb, data_out);
}

// READ(10), READ(16), WRITE(10) and WRITE(16) of a null device (SBC-3).
std::optional<scsi_answer> memory_target::without_medium(const cdb_bytes& cdb) const {
    const auto block_size = disks_.begin()->second->options().block_size;
    switch (std::to_integer<std::uint8_t>(cdb[0])) {
    case 0x28:
        return scsi_answer::good(std::vector<std::byte>(load_be16(cdb.data() + 7) * block_size));
    case 0x88:
        return scsi_answer::good(
            std::vector<std::byte>(std::size_t{load_be32(cdb.data() + 10)} * block_size)
        );
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
    return last_handle_;
}

void memory_target::leave(const target_link& link) {
    std::erase_if(sessions_, [&link](const auto& entry) { return entry.second == &link; });
}

} // namespace iscsi::test
