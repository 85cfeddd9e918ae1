#include "libiscsi/scsi/mode.hpp"

#include "libiscsi/scsi/cdb.hpp"
#include "libiscsi/scsi/parameter_data.hpp"

namespace scsi {

namespace {

using iscsi::result;

// What differs between the two forms of the header.
struct header {
    std::size_t size;
    std::size_t data_length; // what MODE DATA LENGTH says, its own field included
    std::uint8_t device_specific;
    std::size_t block_descriptor_length;
};

// SPC-4 §7.5.7: with SPF a page has a subpage code and a 16-bit length.
struct page_extent {
    std::size_t header_size;
    std::size_t length;
};

// Some targets put other pages before the one that was asked for, so each has to be stepped over.
page_extent extent_of_page(const parameter_data& data, std::size_t at) {
    const bool sub_page = data.bit(at, 6);
    if (sub_page)
        return {4, data.u16(at + 2)};
    return {2, data.u8(at + 1)};
}

bool is_caching_page(const parameter_data& data, std::size_t at) {
    return (data.u8(at) & 0x7fU) == static_cast<std::uint8_t>(mode_page::caching);
}

// WCE is bit 2 of byte 2 (SBC-3 §6.4.5). A page of length 0 has no such byte.
std::optional<bool> find_write_cache_enabled(const parameter_data& data, std::size_t at) {
    while (data.holds(at, 3)) {
        const auto extent = extent_of_page(data, at);
        if (is_caching_page(data, at) && extent.length > 0)
            return data.bit(at + 2, 2);
        at += extent.header_size + extent.length;
    }
    return std::nullopt;
}

// WP and DPOFUA are bits 7 and 4 of the device-specific parameter.
mode_parameters read_mode_data(const parameter_data& whole, const header& from) {
    const auto came = whole.cut_to(from.data_length);
    return {
        .write_protected = (from.device_specific & 0x80U) != 0,
        .dpofua = (from.device_specific & 0x10U) != 0,
        .write_cache_enabled =
            find_write_cache_enabled(came, from.size + from.block_descriptor_length)};
}

iscsi::fault too_short(std::size_t size, std::size_t header_size) {
    return parameter_fault(
        parameter_errc::too_short,
        "MODE SENSE",
        std::to_string(size) + " bytes",
        "at least " + std::to_string(header_size)
    );
}

} // namespace

result<mode_parameters> read_mode_6_data(iscsi::bytes_view bytes) {
    const parameter_data data(bytes);
    constexpr std::size_t header_size = 4;
    if (!data.holds(0, header_size))
        return too_short(bytes.size(), header_size);
    return read_mode_data(
        data,
        {.size = header_size,
         .data_length = std::size_t{data.u8(0)} + 1,
         .device_specific = data.u8(2),
         .block_descriptor_length = data.u8(3)}
    );
}

result<mode_parameters> read_mode_10_data(iscsi::bytes_view bytes) {
    const parameter_data data(bytes);
    constexpr std::size_t header_size = 8;
    if (!data.holds(0, header_size))
        return too_short(bytes.size(), header_size);
    return read_mode_data(
        data,
        {.size = header_size,
         .data_length = std::size_t{data.u16(0)} + 2,
         .device_specific = data.u8(3),
         .block_descriptor_length = data.u16(6)}
    );
}

} // namespace scsi
