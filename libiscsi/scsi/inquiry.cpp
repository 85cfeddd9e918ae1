#include "libiscsi/scsi/inquiry.hpp"

#include "libiscsi/base/hex.hpp"
#include "libiscsi/scsi/parameter_data.hpp"
#include "libiscsi/scsi/wwid.hpp"

#include <algorithm>
#include <array>

namespace scsi {

namespace {

using iscsi::result;

constexpr std::size_t vpd_header_size = 4;

std::string page_name(std::uint8_t code) {
    return iscsi::hex_of(code, 2);
}

// A VPD page with its header, cut to its PAGE LENGTH (SPC-4 §7.8.1). Offsets stay the standard's.
result<parameter_data> open_page(iscsi::bytes_view data, vpd_page page) {
    const parameter_data whole(data);
    const std::string expected = page_name(static_cast<std::uint8_t>(page));
    if (!whole.holds(0, vpd_header_size))
        return parameter_fault(
            parameter_errc::too_short,
            "VPD " + expected,
            std::to_string(data.size()) + " bytes",
            "at least 4"
        );
    if (whole.u8(1) != static_cast<std::uint8_t>(page))
        return parameter_fault(
            parameter_errc::wrong_page, "VPD page code", page_name(whole.u8(1)), expected
        );
    return whole.cut_to(vpd_header_size + std::size_t{whole.u16(2)});
}

} // namespace

std::optional<std::uint16_t> longer_inquiry_length(iscsi::bytes_view page) {
    constexpr std::size_t longest = 0xffff; // of the two-byte field, SPC-3 and later
    const std::size_t whole = vpd_header_size + std::size_t{parameter_data(page).u16(2)};
    if (page.size() < first_inquiry_length || whole <= page.size())
        return std::nullopt;
    return static_cast<std::uint16_t>(std::min(whole, longest));
}

result<standard_inquiry> read_standard_inquiry(iscsi::bytes_view data) {
    const parameter_data whole(data);
    if (!whole.holds(0, 5))
        return parameter_fault(
            parameter_errc::too_short,
            "INQUIRY",
            std::to_string(data.size()) + " bytes",
            "at least 5 (SPC-4 §6.6.2)"
        );
    const auto came = whole.cut_to(5 + std::size_t{whole.u8(4)}); // ADDITIONAL LENGTH
    return standard_inquiry{
        .peripheral_qualifier = static_cast<std::uint8_t>(came.u8(0) >> 5U),
        .peripheral_device_type = static_cast<std::uint8_t>(came.u8(0) & 0x1fU),
        .removable = came.bit(1, 7),
        .version = came.u8(2),
        .command_queuing = came.bit(7, 1),
        .vendor = came.text(8, 8),
        .product = came.text(16, 16),
        .revision = came.text(32, 4)};
}

bool supported_pages::has(vpd_page page) const {
    return std::ranges::find(codes, static_cast<std::uint8_t>(page)) != codes.end();
}

result<supported_pages> read_supported_pages(iscsi::bytes_view data) {
    const auto page = open_page(data, vpd_page::supported_pages);
    if (!page)
        return page.error();
    supported_pages pages;
    for (std::size_t at = vpd_header_size; at < page->size(); ++at)
        pages.codes.push_back(page->u8(at));
    return pages;
}

result<std::string> read_unit_serial_number(iscsi::bytes_view data) {
    const auto page = open_page(data, vpd_page::unit_serial_number);
    if (!page)
        return page.error();
    return page->text(vpd_header_size, page->size());
}

result<std::string> read_wwid(iscsi::bytes_view data) {
    const auto page = open_page(data, vpd_page::device_identification);
    if (!page)
        return page.error();
    return choose_wwid(page->slice(vpd_header_size, page->size()));
}

result<block_limits> read_block_limits(iscsi::bytes_view data) {
    const auto page = open_page(data, vpd_page::block_limits);
    if (!page)
        return page.error();
    const std::uint32_t alignment = page->u32(32);
    constexpr std::uint32_t alignment_valid = 0x8000'0000; // UGAVALID
    return block_limits{
        .write_same_non_zero = page->bit(4, 0),
        .max_transfer_blocks = page->u32(8),
        .optimal_transfer_blocks = page->u32(12),
        .max_unmap_blocks = page->u32(20),
        .max_unmap_descriptors = page->u32(24),
        .unmap_granularity = page->u32(28),
        .unmap_alignment = (alignment & alignment_valid) != 0 ? alignment & ~alignment_valid : 0,
        .max_write_same_blocks = page->u64(36)};
}

result<bool> read_rotational(iscsi::bytes_view data) {
    const auto page = open_page(data, vpd_page::block_device_characteristics);
    if (!page)
        return page.error();
    constexpr std::uint16_t non_rotating = 1;
    return page->u16(4) != non_rotating;
}

result<provisioning> read_provisioning(iscsi::bytes_view data) {
    const auto page = open_page(data, vpd_page::logical_block_provisioning);
    if (!page)
        return page.error();
    return provisioning{
        .can_unmap = page->bit(5, 7),
        .can_write_same_16_unmap = page->bit(5, 6),
        .can_write_same_10_unmap = page->bit(5, 5)};
}

std::string_view name_of_device_type(std::uint8_t type) {
    static constexpr std::array<std::string_view, 32> names = {
        "direct access block device",
        "sequential-access device",
        "printer",
        "processor",
        "write-once device",
        "CD/DVD device",
        "scanner",
        "optical memory device",
        "medium changer",
        "communications device",
        "obsolete device type",
        "obsolete device type",
        "storage array controller",
        "enclosure services device",
        "simplified direct-access device",
        "optical card reader/writer device",
        "bridge controller",
        "object-based storage device",
        "automation/drive interface",
        "security manager device",
        "host managed zoned block device",
        "reduced multimedia device",
        "reserved device type",
        "reserved device type",
        "reserved device type",
        "reserved device type",
        "reserved device type",
        "reserved device type",
        "reserved device type",
        "reserved device type",
        "well known logical unit",
        "unknown device type",
    };
    return names[type & 0x1fU];
}

} // namespace scsi
