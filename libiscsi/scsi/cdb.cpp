#include "libiscsi/scsi/cdb.hpp"

#include <algorithm>

namespace scsi {

namespace {

using iscsi::store_be16;
using iscsi::store_be32;
using iscsi::store_be64;

constexpr std::byte force_unit_access_bit{0x08}; // SBC-3 §5.11, byte 1
constexpr std::byte unmap_bit{0x08};             // SBC-3 §5.42, byte 1
constexpr std::byte enable_vpd_bit{0x01};        // SPC-4 §6.6, byte 1
constexpr std::byte read_capacity_16_action{0x10};

// What is not set stays 0, and so do group number, control byte and reserved bits.
cdb_field block(operation_code code) {
    cdb_field cdb{};
    cdb[0] = static_cast<std::byte>(code);
    return cdb;
}

// Address and count must fit (fits_10_byte_form): what is beyond is cut off here without a word.
cdb_field ten_byte_form(operation_code code, const block_range& range, std::byte flags = {}) {
    auto cdb = block(code);
    cdb[1] = flags;
    store_be32(&cdb[2], static_cast<std::uint32_t>(range.address));
    store_be16(&cdb[7], static_cast<std::uint16_t>(range.count));
    return cdb;
}

cdb_field sixteen_byte_form(operation_code code, const block_range& range, std::byte flags = {}) {
    auto cdb = block(code);
    cdb[1] = flags;
    store_be64(&cdb[2], range.address);
    store_be32(&cdb[10], range.count);
    return cdb;
}

std::byte when(bool wanted, std::byte bit) {
    return wanted ? bit : std::byte{};
}

} // namespace

std::string_view name_of(operation_code code) {
    switch (code) {
    case operation_code::test_unit_ready:
        return "TEST UNIT READY";
    case operation_code::request_sense:
        return "REQUEST SENSE";
    case operation_code::inquiry:
        return "INQUIRY";
    case operation_code::mode_sense_6:
        return "MODE SENSE(6)";
    case operation_code::read_capacity_10:
        return "READ CAPACITY(10)";
    case operation_code::read_10:
        return "READ(10)";
    case operation_code::write_10:
        return "WRITE(10)";
    case operation_code::synchronize_cache_10:
        return "SYNCHRONIZE CACHE(10)";
    case operation_code::write_same_10:
        return "WRITE SAME(10)";
    case operation_code::unmap:
        return "UNMAP";
    case operation_code::mode_sense_10:
        return "MODE SENSE(10)";
    case operation_code::persistent_reserve_in:
        return "PERSISTENT RESERVE IN";
    case operation_code::persistent_reserve_out:
        return "PERSISTENT RESERVE OUT";
    case operation_code::read_16:
        return "READ(16)";
    case operation_code::write_16:
        return "WRITE(16)";
    case operation_code::synchronize_cache_16:
        return "SYNCHRONIZE CACHE(16)";
    case operation_code::write_same_16:
        return "WRITE SAME(16)";
    case operation_code::service_action_in_16:
        return "READ CAPACITY(16)";
    case operation_code::report_luns:
        return "REPORT LUNS";
    }
    return "unknown command";
}

cdb_field test_unit_ready() {
    return block(operation_code::test_unit_ready);
}

cdb_field request_sense(std::uint8_t allocation_length) {
    auto cdb = block(operation_code::request_sense);
    cdb[4] = std::byte{allocation_length};
    return cdb;
}

cdb_field inquiry(std::uint16_t allocation_length) {
    auto cdb = block(operation_code::inquiry);
    store_be16(&cdb[3], allocation_length);
    return cdb;
}

cdb_field inquiry_vpd(vpd_page page, std::uint16_t allocation_length) {
    auto cdb = inquiry(allocation_length);
    cdb[1] = enable_vpd_bit;
    cdb[2] = static_cast<std::byte>(page);
    return cdb;
}

cdb_field report_luns(std::uint32_t allocation_length) {
    auto cdb = block(operation_code::report_luns);
    store_be32(&cdb[6], allocation_length);
    return cdb;
}

cdb_field read_capacity_10() {
    return block(operation_code::read_capacity_10);
}

// The service action is in byte 1, the low five bits.
cdb_field read_capacity_16(std::uint32_t allocation_length) {
    auto cdb = block(operation_code::service_action_in_16);
    cdb[1] = read_capacity_16_action;
    store_be32(&cdb[10], allocation_length);
    return cdb;
}

cdb_field mode_sense_6(mode_page page, std::uint8_t allocation_length) {
    auto cdb = block(operation_code::mode_sense_6);
    cdb[2] = static_cast<std::byte>(page);
    cdb[4] = std::byte{allocation_length};
    return cdb;
}

cdb_field mode_sense_10(mode_page page, std::uint16_t allocation_length) {
    auto cdb = block(operation_code::mode_sense_10);
    cdb[2] = static_cast<std::byte>(page);
    store_be16(&cdb[7], allocation_length);
    return cdb;
}

cdb_field read(const block_range& range, bool force_unit_access) {
    return fits_10_byte_form(range) ? read_10(range, force_unit_access)
                                    : read_16(range, force_unit_access);
}

cdb_field read_10(const block_range& range, bool force_unit_access) {
    const auto flags = when(force_unit_access, force_unit_access_bit);
    return ten_byte_form(operation_code::read_10, range, flags);
}

cdb_field read_16(const block_range& range, bool force_unit_access) {
    const auto flags = when(force_unit_access, force_unit_access_bit);
    return sixteen_byte_form(operation_code::read_16, range, flags);
}

cdb_field write(const block_range& range, bool force_unit_access) {
    return fits_10_byte_form(range) ? write_10(range, force_unit_access)
                                    : write_16(range, force_unit_access);
}

cdb_field write_10(const block_range& range, bool force_unit_access) {
    const auto flags = when(force_unit_access, force_unit_access_bit);
    return ten_byte_form(operation_code::write_10, range, flags);
}

cdb_field write_16(const block_range& range, bool force_unit_access) {
    const auto flags = when(force_unit_access, force_unit_access_bit);
    return sixteen_byte_form(operation_code::write_16, range, flags);
}

cdb_field synchronize_cache(const block_range& range) {
    return fits_10_byte_form(range) ? synchronize_cache_10(range) : synchronize_cache_16(range);
}

cdb_field synchronize_cache_10(const block_range& range) {
    return ten_byte_form(operation_code::synchronize_cache_10, range);
}

cdb_field synchronize_cache_16(const block_range& range) {
    return sixteen_byte_form(operation_code::synchronize_cache_16, range);
}

cdb_field write_same(const block_range& range, bool unmap) {
    return fits_10_byte_form(range) ? write_same_10(range, unmap) : write_same_16(range, unmap);
}

cdb_field write_same_10(const block_range& range, bool unmap) {
    return ten_byte_form(operation_code::write_same_10, range, when(unmap, unmap_bit));
}

cdb_field write_same_16(const block_range& range, bool unmap) {
    return sixteen_byte_form(operation_code::write_same_16, range, when(unmap, unmap_bit));
}

cdb_field unmap(std::uint16_t parameter_list_length) {
    auto cdb = block(operation_code::unmap);
    store_be16(&cdb[7], parameter_list_length);
    return cdb;
}

// Header of 8 bytes, then 16 per range; both length fields count what follows them.
void write_unmap_list(std::span<const block_range> ranges, iscsi::mutable_bytes to) {
    const std::size_t size = unmap_list_size(ranges.size());
    std::fill_n(to.begin(), size, std::byte{0});
    store_be16(
        to.data(), static_cast<std::uint16_t>(size - 2)
    ); // SBC-3 §5.28: what follows the field
    store_be16(to.data() + 2, static_cast<std::uint16_t>(size - 8));
    std::byte* descriptor = to.data() + 8;
    for (const auto& range : ranges) {
        store_be64(descriptor, range.address);
        store_be32(descriptor + 8, range.count);
        descriptor += 16;
    }
}

} // namespace scsi
