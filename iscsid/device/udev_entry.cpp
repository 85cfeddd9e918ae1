#include "iscsid/device/udev_entry.hpp"

#include "libiscsi/base/hex.hpp"

#include <algorithm>
#include <string_view>

namespace iscsid::device {

namespace {

constexpr std::size_t longest_word = 255; // a name of a link cannot be longer

constexpr bool is_alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// The characters that udev keeps in the name of a link; neither '/' nor what a shell reads.
constexpr bool may_stand_in_link(char c) {
    return is_alphanumeric(c) || std::string_view("#+-.:=@_").find(c) != std::string_view::npos;
}

constexpr bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// As udev writes words: blanks at the ends vanish, runs of them become one '_'.
std::string link_text(std::string_view raw) {
    std::string text;
    bool after_blank = false;
    for (const char c : raw.substr(0, longest_word)) {
        if (is_blank(c)) {
            after_blank = !text.empty();
            continue;
        }
        if (after_blank)
            text += '_';
        after_blank = false;
        text += may_stand_in_link(c) ? c : '_';
    }
    return text;
}

// ID_SERIAL and ID_SERIAL_SHORT: with and without the digit that tells the kind of name.
struct serial_words {
    std::string whole, brief;
};

// The fields of INQUIRY have fixed widths, and scsi_id joins them unshortened.
// A vendor of 3 letters is still 8 characters wide in the serial.
std::string padded(std::string_view words, std::size_t width) {
    std::string field(words.substr(0, width));
    field.resize(width, ' ');
    return field;
}

// VPD 80 alone is unique only within a product.
serial_words serial_by_unit_number(const scsi::logical_unit& unit) {
    std::string brief = link_text(unit.serial);
    if (brief.empty())
        return {};
    const std::string whole = padded(unit.vendor, 8) + padded(unit.product, 16) + unit.serial;
    return {link_text('S' + whole), std::move(brief)};
}

// A lone digit of the designator type is a designator of blanks: it names nothing.
serial_words serial_of(const scsi::logical_unit& unit) {
    const std::string whole = link_text(unit.wwid);
    if (whole.size() < 2)
        return serial_by_unit_number(unit);
    return {whole, whole.substr(1)};
}

bool is_hexadecimal(std::string_view text) {
    return text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

// The digits of an NAA designator (type 3), "" for all others.
std::string_view world_wide_name(std::string_view wwid) {
    if (!wwid.starts_with('3') || !is_hexadecimal(wwid))
        return {};
    return wwid.substr(1);
}

std::string prefixed(std::string_view digits, std::size_t most) {
    return digits.empty() ? std::string() : "0x" + std::string(digits.substr(0, most));
}

// In the order of the wire: the lowest 16 bits of Linux's number are the first level.
std::string sixteen_bits(std::uint64_t value) {
    return iscsi::hex_of(value, 4);
}

// Above 255 path_id writes the eight bytes of the LUN as the wire has them.
std::string lun_words(std::uint64_t lun) {
    if (lun < 256)
        return std::to_string(lun);
    return "0x" + sixteen_bits(lun) + sixteen_bits(lun >> 16U) + sixteen_bits(lun >> 32U) +
           sixteen_bits(lun >> 48U);
}

// udev would write '_' for brackets in a link, and the kernel's initiator has none.
std::string_view without_brackets(std::string_view address) {
    if (address.starts_with('[') && address.ends_with(']'))
        return address.substr(1, address.size() - 2);
    return address;
}

// The form that os-brick, multipath and initramfs tools look for: ip-ADDRESS:PORT-iscsi-NAME-lun-N.
std::string path_of(const disk_identity_words& disk) {
    return "ip-" + link_text(without_brackets(disk.portal_address)) + ':' +
           std::to_string(disk.portal_port) + "-iscsi-" + link_text(disk.target) + "-lun-" +
           lun_words(disk.lun);
}

// A tag of udev; a path begins and ends with a letter or a digit.
std::string tag_of(std::string_view path) {
    std::string tag;
    for (const char c : path) {
        if (is_alphanumeric(c) || c == '-')
            tag += c;
        else if (!tag.ends_with('_'))
            tag += '_';
    }
    return tag;
}

void add_line(std::string& text, std::string_view key, std::string_view value) {
    if (!value.empty()) // udev takes no empty value
        text.append(key).append(1, '=').append(value).append(1, '\n');
}

} // namespace

std::string udev_entry_of(const disk_identity_words& disk) {
    const scsi::logical_unit& unit = disk.properties;
    const serial_words serial = serial_of(unit);
    const std::string_view wwn = world_wide_name(unit.wwid);
    const std::string path = path_of(disk);
    std::string text = "ISCSI_USERLAND=1\nID_BUS=scsi\nID_TYPE=disk\n";
    add_line(text, "ID_VENDOR", link_text(unit.vendor));
    add_line(text, "ID_MODEL", link_text(unit.product));
    add_line(text, "ID_REVISION", link_text(unit.revision));
    add_line(text, "ID_SERIAL", serial.whole);
    add_line(text, "ID_SERIAL_SHORT", serial.brief);
    add_line(text, "ID_SCSI_SERIAL", link_text(unit.serial));
    add_line(text, "ID_WWN", prefixed(wwn, 16));
    add_line(text, "ID_WWN_WITH_EXTENSION", prefixed(wwn, 32));
    add_line(text, "ID_PATH", path);
    add_line(text, "ID_PATH_TAG", tag_of(path));
    return text;
}

} // namespace iscsid::device
