#include "libiscsi/scsi/wwid.hpp"

#include "libiscsi/base/hex.hpp"
#include "libiscsi/scsi/parameter_data.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace scsi {

namespace {

enum class code_set : std::uint8_t { binary = 1, ascii = 2, utf_8 = 3 };

enum class designator_type : std::uint8_t { t10_vendor = 1, eui_64 = 2, naa = 3 };

constexpr std::uint8_t of_logical_unit = 0; // ASSOCIATION

// One name among several: units have many, in order of no meaning.
struct designator {
    code_set codes{};
    designator_type type{};
    iscsi::bytes_view value;
};

// Best first; without a format any NAA designator will do.
// A row of scsi_id's own order. Another order would give the same disk another /dev/disk/by-id.
struct preference {
    designator_type type;
    code_set codes;
    std::optional<std::uint8_t> naa_format;

    bool likes(const designator& candidate) const {
        return candidate.type == type && candidate.codes == codes &&
               (!naa_format || *naa_format == iscsi::load_be<1>(candidate.value.data()) >> 4U);
    }
};

// The NAA format is in the first four bits: 6 is a name of 128 bits, 5 of 64.
constexpr std::uint8_t registered_extended = 6;
constexpr std::uint8_t registered = 5;

constexpr std::array preferences = {
    preference{designator_type::naa, code_set::binary, registered_extended},
    preference{designator_type::naa, code_set::ascii, registered_extended},
    preference{designator_type::naa, code_set::binary, registered},
    preference{designator_type::naa, code_set::ascii, registered},
    preference{designator_type::naa, code_set::binary, std::nullopt},
    preference{designator_type::naa, code_set::ascii, std::nullopt},
    preference{designator_type::eui_64, code_set::binary, std::nullopt},
    preference{designator_type::eui_64, code_set::ascii, std::nullopt},
    preference{designator_type::t10_vendor, code_set::binary, std::nullopt},
    preference{designator_type::t10_vendor, code_set::ascii, std::nullopt},
};

// SPC-4 §7.8.5.1. A descriptor that is not whole ends the list; empty ones name nothing.
std::vector<designator> read_designators(const parameter_data& data) {
    constexpr std::size_t header_size = 4;
    std::vector<designator> found;
    for (std::size_t at = 0; data.holds(at, header_size + data.u8(at + 3));
         at += header_size + data.u8(at + 3)) {
        const auto association = static_cast<std::uint8_t>((data.u8(at + 1) >> 4U) & 0x03U);
        if (association != of_logical_unit || data.u8(at + 3) == 0)
            continue;
        found.push_back(
            {static_cast<code_set>(data.u8(at) & 0x0fU),
             static_cast<designator_type>(data.u8(at + 1) & 0x0fU),
             data.slice(at + header_size, data.u8(at + 3))}
        );
    }
    return found;
}

// The first designator of the best kind: units with two of one kind list the one that they mean
// first.
const designator* choose(const std::vector<designator>& from) {
    for (const auto& wanted : preferences) {
        const auto found = std::ranges::find_if(from, [&wanted](const designator& candidate) {
            return wanted.likes(candidate);
        });
        if (found != from.end())
            return &*found;
    }
    return nullptr;
}

// The characters that udev keeps in the name of a link.
constexpr bool may_stand_in_link(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("#+-.:=@_").find(c) != std::string_view::npos;
}

// Runs of blanks become one '_', trailing ones vanish, so does what follows a NUL.
// A leading run of blanks counts as one, too, as scsi_id has it.
std::string link_text(iscsi::bytes_view value) {
    const std::string words = parameter_data(value).text(0, value.size());
    bool after_blank = value.front() == std::byte{' '};
    std::string text(after_blank && !words.empty() ? "_" : "");
    for (const char c : words) {
        if (c != ' ' || !after_blank)
            text += may_stand_in_link(c) ? c : '_';
        after_blank = c == ' ';
    }
    return text;
}

} // namespace

std::string choose_wwid(iscsi::bytes_view descriptors) {
    const auto designators = read_designators(parameter_data(descriptors));
    const designator* const chosen = choose(designators);
    if (chosen == nullptr)
        return {};
    const char type = static_cast<char>('0' + static_cast<char>(chosen->type));
    const std::string name =
        chosen->codes == code_set::binary ? iscsi::hex_of(chosen->value) : link_text(chosen->value);
    return type + name;
}

} // namespace scsi
