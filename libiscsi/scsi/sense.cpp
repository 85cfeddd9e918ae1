#include "libiscsi/scsi/sense.hpp"

#include "libiscsi/scsi/parameter_data.hpp"

#include <array>

namespace scsi {

namespace {

constexpr std::size_t header_size = 8; // both formats: byte 7 says how much follows

sense_key key_in(std::uint8_t byte) {
    return static_cast<sense_key>(byte & 0x0fU);
}

// What comes before the ADDITIONAL SENSE LENGTH and as much behind it as that says.
// Targets pad sense data to their buffers: 96 bytes of which 18 mean something.
parameter_data without_padding(const parameter_data& data) {
    return data.size() < header_size ? data : data.cut_to(header_size + data.u8(7));
}

// SPC-4 §4.5.3
std::optional<sense_data> read_fixed(const parameter_data& data, bool deferred) {
    if (!data.holds(2, 1))
        return std::nullopt;
    sense_data sense{.key = key_in(data.u8(2)), .deferred = deferred};
    sense.additional_code = data.u8(12);
    sense.additional_code_qualifier = data.u8(13);
    if (data.bit(0, 7) && data.holds(3, 4)) // VALID
        sense.information = data.u32(3);
    return sense;
}

// SPC-4 §4.5.2.2: the information descriptor, type 0, 10 more bytes, VALID in byte 2.
// A descriptor has two bytes of header that its length does not count.
std::optional<std::uint64_t> find_information(const parameter_data& data) {
    constexpr std::uint8_t information_type = 0x00;
    for (std::size_t at = header_size; data.holds(at, 2); at += 2 + std::size_t{data.u8(at + 1)}) {
        const bool whole = data.u8(at + 1) >= 10 && data.holds(at, 12);
        if (data.u8(at) == information_type && whole && data.bit(at + 2, 7))
            return data.u64(at + 4);
    }
    return std::nullopt;
}

// SPC-4 §4.5.2
std::optional<sense_data> read_descriptor(const parameter_data& data, bool deferred) {
    if (!data.holds(1, 1))
        return std::nullopt;
    return sense_data{
        .key = key_in(data.u8(1)),
        .additional_code = data.u8(2),
        .additional_code_qualifier = data.u8(3),
        .deferred = deferred,
        .information = find_information(data)};
}

std::string two_digits(std::uint8_t value) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    return {digits[value >> 4U], digits[value & 0x0fU]};
}

} // namespace

std::optional<sense_data> read_sense(iscsi::bytes_view bytes) {
    const auto data = without_padding(parameter_data(bytes));
    switch (data.u8(0) & 0x7fU) {
    case 0x70:
        return read_fixed(data, false);
    case 0x71:
        return read_fixed(data, true);
    case 0x72:
        return read_descriptor(data, false);
    case 0x73:
        return read_descriptor(data, true);
    default:
        return std::nullopt;
    }
}

std::string sense_data::text() const {
    return std::string(deferred ? "deferred " : "")
        .append(name_of(key))
        .append(" ")
        .append(two_digits(additional_code))
        .append("/")
        .append(two_digits(additional_code_qualifier));
}

std::string_view name_of(sense_key value) {
    static constexpr std::array<std::string_view, 16> names = {
        "NO SENSE",
        "RECOVERED ERROR",
        "NOT READY",
        "MEDIUM ERROR",
        "HARDWARE ERROR",
        "ILLEGAL REQUEST",
        "UNIT ATTENTION",
        "DATA PROTECT",
        "BLANK CHECK",
        "VENDOR SPECIFIC",
        "COPY ABORTED",
        "ABORTED COMMAND",
        "RESERVED",
        "VOLUME OVERFLOW",
        "MISCOMPARE",
        "COMPLETED",
    };
    return names[static_cast<std::size_t>(value) & 0x0fU];
}

} // namespace scsi
