#include "libiscsi/scsi/parameter_data.hpp"

#include <algorithm>

namespace scsi {

namespace {

template <std::size_t Count>
std::uint64_t load(const parameter_data& data, std::size_t at) {
    return data.holds(at, Count) ? iscsi::load_be<Count>(data.slice(at, Count).data()) : 0;
}

// Where a length field stands, how wide it is, and what it does not count.
struct length_field {
    std::size_t at = 0;
    std::size_t width = 0; // 0: there is none
    std::size_t besides = 0;
};

length_field length_field_of(const cdb_field& cdb) {
    const bool is_vpd = (cdb[1] & std::byte{0x01}) != std::byte{0}; // EVPD
    const auto code = operation_of(cdb);
    if (code == operation_code::inquiry)
        return is_vpd ? length_field{2, 2, 4} : length_field{4, 1, 5};
    if (code == operation_code::mode_sense_6)
        return {0, 1, 1};
    if (code == operation_code::mode_sense_10)
        return {0, 2, 2};
    if (code == operation_code::report_luns)
        return {0, 4, 8};
    constexpr std::byte report_capabilities{0x02};
    if (code == operation_code::persistent_reserve_in)
        return cdb[1] == report_capabilities ? length_field{0, 2, 0} : length_field{4, 4, 8};
    return {};
}

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(' ');
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

} // namespace

const char* category_name(parameter_errc /*any*/) {
    return "scsi.parameter";
}

std::string_view message_of(parameter_errc value) {
    switch (value) {
    case parameter_errc::too_short:
        return "too short";
    case parameter_errc::wrong_page:
        return "wrong page";
    case parameter_errc::out_of_range:
        return "out of range";
    }
    return "unknown parameter error";
}

iscsi::fault
parameter_fault(parameter_errc why, std::string field, std::string got, std::string expected) {
    return {iscsi::to_error_code(why), std::move(field), std::move(got), std::move(expected)};
}

std::optional<std::size_t> stated_length(const cdb_field& cdb, iscsi::bytes_view data) {
    const auto field = length_field_of(cdb);
    const parameter_data whole(data);
    if (field.width == 0 || !whole.holds(field.at, field.width))
        return std::nullopt;
    std::size_t length = 0;
    for (std::size_t i = 0; i < field.width; ++i)
        length = length << 8U | whole.u8(field.at + i);
    return length + field.besides;
}

bool parameter_data::holds(std::size_t at, std::size_t length) const {
    return at <= bytes_.size() && length <= bytes_.size() - at;
}

std::uint8_t parameter_data::u8(std::size_t at) const {
    return static_cast<std::uint8_t>(load<1>(*this, at));
}

std::uint16_t parameter_data::u16(std::size_t at) const {
    return static_cast<std::uint16_t>(load<2>(*this, at));
}

std::uint32_t parameter_data::u32(std::size_t at) const {
    return static_cast<std::uint32_t>(load<4>(*this, at));
}

std::uint64_t parameter_data::u64(std::size_t at) const {
    return load<8>(*this, at);
}

bool parameter_data::bit(std::size_t at, unsigned number) const {
    return ((std::uint32_t{u8(at)} >> number) & 1U) != 0;
}

iscsi::bytes_view parameter_data::slice(std::size_t at, std::size_t length) const {
    const std::size_t start = std::min(at, bytes_.size());
    return bytes_.subspan(start, std::min(length, bytes_.size() - start));
}

std::string parameter_data::text(std::size_t at, std::size_t length) const {
    std::string raw;
    for (const std::byte byte : slice(at, length)) {
        const char c = static_cast<char>(byte);
        if (c == '\0')
            break;
        const bool printable = c >= ' ' && c <= '~';
        raw.push_back(printable ? c : ' ');
    }
    return std::string(trimmed(raw));
}

} // namespace scsi
