#pragma once

#include "libiscsi/base/bytes.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

// Command descriptor blocks of SPC-4 and SBC-3, as they travel in the 16-byte CDB field of a SCSI
// Command PDU: shorter ones are padded with zeros (RFC 7143 §11.3.5).
namespace scsi {

using cdb_field = std::array<std::byte, 16>;

// Byte 0 of a CDB; the length of the CDB follows from its highest three bits (SPC-4 §4.2.5.1).
enum class operation_code : std::uint8_t {
    test_unit_ready = 0x00,
    request_sense = 0x03,
    inquiry = 0x12,
    mode_sense_6 = 0x1a,
    read_capacity_10 = 0x25,
    read_10 = 0x28,
    write_10 = 0x2a,
    synchronize_cache_10 = 0x35,
    write_same_10 = 0x41,
    unmap = 0x42,
    mode_sense_10 = 0x5a,
    persistent_reserve_in = 0x5e,
    persistent_reserve_out = 0x5f,
    read_16 = 0x88,
    write_16 = 0x8a,
    synchronize_cache_16 = 0x91,
    write_same_16 = 0x93,
    service_action_in_16 = 0x9e,
    report_luns = 0xa0,
};

constexpr operation_code operation_of(const cdb_field& cdb) {
    return static_cast<operation_code>(cdb[0]);
}

// "READ CAPACITY(16)" stands for SERVICE ACTION IN(16): it is the only action used here.
std::string_view name_of(operation_code code);

// Byte 2 of INQUIRY with EVPD. A target lists those that it has in page 00.
enum class vpd_page : std::uint8_t {
    supported_pages = 0x00,
    unit_serial_number = 0x80,
    device_identification = 0x83,
    block_limits = 0xb0,
    block_device_characteristics = 0xb1,
    logical_block_provisioning = 0xb2,
};

// `all` asks for every page that there is: some targets know no other question.
enum class mode_page : std::uint8_t { caching = 0x08, all = 0x3f };

// `count` logical blocks from logical block address `address` on.
struct block_range {
    std::uint64_t address = 0;
    std::uint32_t count = 0;

    friend bool operator==(const block_range&, const block_range&) = default;
};

// ---- what a scan asks; lengths are allocation lengths in bytes
// -----------------------------------

// Answers from a cold unit come as sense data, never late.
cdb_field test_unit_ready();
cdb_field request_sense(std::uint8_t allocation_length);
cdb_field inquiry(std::uint16_t allocation_length);
// A target may send less than it has, never more than the allocation length; its own length field
// says how much there would be.
cdb_field inquiry_vpd(vpd_page page, std::uint16_t allocation_length);
cdb_field report_luns(std::uint32_t allocation_length);
cdb_field read_capacity_10();
cdb_field read_capacity_16(std::uint32_t allocation_length);
cdb_field mode_sense_6(mode_page page, std::uint8_t allocation_length);
cdb_field mode_sense_10(mode_page page, std::uint16_t allocation_length);

// ---- what a disk does ---------------------------------------------------------------------------
// Those without a number choose the 10-byte form when the whole range lies below block 2^32 and
// the count fits 16 bits, else the 16-byte form. The force-unit-access bit may only be set when the
// LUN reports DPOFUA.

cdb_field read(const block_range& range, bool force_unit_access = false);
cdb_field read_10(const block_range& range, bool force_unit_access = false);
cdb_field read_16(const block_range& range, bool force_unit_access = false);

cdb_field write(const block_range& range, bool force_unit_access = false);
cdb_field write_10(const block_range& range, bool force_unit_access = false);
cdb_field write_16(const block_range& range, bool force_unit_access = false);

// Count 0 means up to the last block; the default is the whole medium.
cdb_field synchronize_cache(const block_range& range = {});
cdb_field synchronize_cache_10(const block_range& range = {});
cdb_field synchronize_cache_16(const block_range& range = {});

// One logical block of Data-Out is written to the whole range. Never call it with count 0: that
// means up to the last block, or is an error (WSNZ).
cdb_field write_same(const block_range& range, bool unmap);
cdb_field write_same_10(const block_range& range, bool unmap);
cdb_field write_same_16(const block_range& range, bool unmap);

// UNMAP carries its ranges in a parameter list of unmap_list_size(ranges) bytes of Data-Out.
cdb_field unmap(std::uint16_t parameter_list_length);

constexpr std::size_t unmap_list_size(std::size_t ranges) {
    return 8 + 16 * ranges;
}

// The most ranges whose list fits the 16-bit length fields.
inline constexpr std::size_t most_unmap_ranges = (0xffff - 8) / 16;

// Fills the first unmap_list_size(ranges.size()) bytes of `to`, which must be there.
void write_unmap_list(std::span<const block_range> ranges, iscsi::mutable_bytes to);

// Does the range fit the 10-byte forms?
constexpr bool fits_10_byte_form(const block_range& range) {
    return range.count <= 0xffffU && range.address <= 0x1'0000'0000ULL - range.count &&
           range.address <= 0xffff'ffffULL;
}

} // namespace scsi
