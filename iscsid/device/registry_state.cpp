#include "iscsid/device/registry_state.hpp"

#include "libiscsi/base/hex.hpp"
#include "libiscsi/scsi/lun.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

namespace iscsid::device {

namespace {

namespace json = boost::json;

using iscsi::fault;
using iscsi::result;

constexpr std::uint32_t version = 1;

// ---- what a text may hold -----------------------------------------------------------------------

struct text_rule {
    std::size_t shortest;
    std::size_t longest;
    bool (*allows)(char);
    const char* words;

    bool holds(std::string_view text) const {
        return text.size() >= shortest && text.size() <= longest &&
               std::ranges::all_of(text, allows);
    }
};

constexpr bool is_hex_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

constexpr bool is_node_character(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_';
}

constexpr bool is_name_character(char c) {
    return static_cast<unsigned char>(c) > ' ' && c != '\x7f' && c != '/';
}

constexpr text_rule isid_digits{12, 12, is_hex_digit, "12 hexadecimal digits"};
constexpr text_rule lun_digits{16, 16, is_hex_digit, "16 hexadecimal digits"};
constexpr text_rule node_name{1, 32, is_node_character, "1 to 32 letters, digits, - and _"};
constexpr text_rule plain_name{
    1, 255, is_name_character, "1 to 255 bytes without control character, blank or slash"};
// The words of a disk are what its maker put there.
constexpr text_rule words_of_disk{0, 1024, [](char) { return true; }, "at most 1024 bytes"};

// ---- the members of a file, one list for both directions ----------------------------------------

template <class Visitor, class State>
void members_of_disk(Visitor& visit, State& disk) {
    constexpr int highest_index = 65535;
    constexpr int highest_group_tag = 65535; // RFC 7143 §13.9
    visit.number("sid", disk.sid, 1);
    visit.number("index", disk.index, 0, highest_index);
    visit.text("target", disk.target, plain_name);
    visit.text("portal_address", disk.portal_address, plain_name);
    visit.number("portal_port", disk.portal_port, 1);
    visit.number("portal_group_tag", disk.portal_group_tag, -1, highest_group_tag);
    visit.text("interface", disk.interface, plain_name);
    visit.text_if_any("peer_address", disk.peer_address, plain_name);
    visit.text("isid", disk.isid, isid_digits);
    visit.text("driver", disk.driver, node_name);
    visit.text("node", disk.node, node_name);
    visit.number_if_any("nonce", disk.nonce);               // not in older files
    visit.text_if_any("boot_id", disk.boot_id, plain_name); // the same
    visit.number("lun_number", disk.lun_number);
}

template <class Visitor, class Unit>
void members_of_unit(Visitor& visit, Unit& unit) {
    constexpr std::uint32_t smallest_block = 512;
    constexpr std::uint32_t largest_block = 4096;
    visit.text("vendor", unit.vendor, words_of_disk);
    visit.text("product", unit.product, words_of_disk);
    visit.text("revision", unit.revision, words_of_disk);
    visit.text("serial", unit.serial, words_of_disk);
    visit.text("wwid", unit.wwid, words_of_disk);
    visit.number("block_count", unit.block_count, 1);
    visit.number("block_size", unit.block_size, smallest_block, largest_block);
    visit.number("physical_block_size", unit.physical_block_size, smallest_block);
    visit.number("lowest_aligned_block", unit.lowest_aligned_block);
    visit.flag("read_only", unit.read_only);
    visit.flag("write_cache_enabled", unit.write_cache_enabled);
    visit.flag_unless_true("write_cache_known", unit.write_cache_known); // not in older files
    visit.flag("dpofua", unit.dpofua);
    visit.flag("rotational", unit.rotational);
    visit.flag("removable", unit.removable);
    visit.number("max_transfer_blocks", unit.max_transfer_blocks);
    visit.number("optimal_transfer_blocks", unit.optimal_transfer_blocks);
    visit.number("max_unmap_blocks", unit.max_unmap_blocks);
    visit.number("max_unmap_descriptors", unit.max_unmap_descriptors);
    visit.number("unmap_granularity", unit.unmap_granularity);
    visit.number("unmap_alignment", unit.unmap_alignment);
    visit.number("max_write_same_blocks", unit.max_write_same_blocks);
    visit.flag("write_same_non_zero", unit.write_same_non_zero);
    visit.flag("thin", unit.thin);
    visit.flag("reads_zero_after_unmap", unit.reads_zero_after_unmap);
    visit.flag("can_unmap", unit.can_unmap);
    visit.flag("can_write_same_16_unmap", unit.can_write_same_16_unmap);
    visit.flag("can_write_same_10_unmap", unit.can_write_same_10_unmap);
}

class state_writer {
  public:
    template <class Number>
    void number(
        std::string_view member,
        Number value,
        std::type_identity_t<Number> /*low*/ = {},
        std::type_identity_t<Number> /*high*/ = {}
    ) {
        to_[member] = value;
    }

    void number_if_any(std::string_view member, std::uint64_t value) {
        if (value != 0)
            number(member, value);
    }

    void text(std::string_view member, const std::string& value, const text_rule& /*rule*/) {
        to_[member] = value;
    }

    void text_if_any(std::string_view member, const std::string& value, const text_rule& rule) {
        if (!value.empty())
            text(member, value, rule);
    }

    void flag(std::string_view member, bool value) { to_[member] = value; }

    void flag_unless_true(std::string_view member, bool value) {
        if (!value)
            flag(member, value);
    }

    json::object take() { return std::move(to_); }

  private:
    json::object to_;
};

template <class Number>
std::optional<Number> as_number(const json::value& value) {
    if (const auto* const number = value.if_int64(); number && std::in_range<Number>(*number))
        return static_cast<Number>(*number);
    if (const auto* const number = value.if_uint64(); number && std::in_range<Number>(*number))
        return static_cast<Number>(*number);
    return std::nullopt;
}

// Remembers the first fault; after one it reads no more.
class state_reader {
  public:
    // `where` names the object in faults: "/run/…/1-lun-0.json: properties.".
    state_reader(const json::object& from, std::string where)
        : from_(from), where_(std::move(where)) {}

    template <class Number>
    void number(
        std::string_view member,
        Number& to,
        std::type_identity_t<Number> low = std::numeric_limits<Number>::min(),
        std::type_identity_t<Number> high = std::numeric_limits<Number>::max()
    ) {
        const auto* const value = find(member);
        if (value == nullptr)
            return;
        const auto number = as_number<Number>(*value);
        if (number && *number >= low && *number <= high) {
            to = *number;
            return;
        }
        const bool is_whole = value->is_int64() || value->is_uint64();
        const auto why = is_whole ? registry_errc::out_of_range : registry_errc::wrong_type;
        refuse(why, member, std::to_string(low) + ".." + std::to_string(high));
    }

    void number_if_any(std::string_view member, std::uint64_t& to) {
        if (from_.contains(member))
            number(member, to);
    }

    void text(std::string_view member, std::string& to, const text_rule& rule) {
        const auto* const value = find(member);
        if (value == nullptr)
            return;
        const auto* const text = value->if_string();
        if (text == nullptr)
            return refuse(registry_errc::wrong_type, member, "a text");
        if (!rule.holds({text->data(), text->size()}))
            return refuse(registry_errc::bad_text, member, rule.words);
        to.assign(text->data(), text->size());
    }

    void text_if_any(std::string_view member, std::string& to, const text_rule& rule) {
        if (from_.contains(member))
            text(member, to, rule);
    }

    void flag(std::string_view member, bool& to) {
        const auto* const value = find(member);
        if (value == nullptr)
            return;
        if (const auto* const truth = value->if_bool())
            to = *truth;
        else
            refuse(registry_errc::wrong_type, member, "true or false");
    }

    void flag_unless_true(std::string_view member, bool& to) {
        to = true;
        if (from_.contains(member))
            flag(member, to);
    }

    // Empty, and a fault, if there is no such object.
    const json::object& object(std::string_view member) {
        static const json::object nothing;
        const auto* const value = find(member);
        if (value == nullptr)
            return nothing;
        if (const auto* const inner = value->if_object())
            return *inner;
        refuse(registry_errc::wrong_type, member, "an object");
        return nothing;
    }

    void require(bool condition, registry_errc why, std::string_view member, std::string expected) {
        if (!fault_ && !condition)
            refuse(why, member, std::move(expected));
    }

    result<void> finish() const {
        if (fault_)
            return *fault_;
        return {};
    }

  private:
    // nullptr if a fault came before, or with a fault when it is not there.
    const json::value* find(std::string_view member) {
        if (fault_)
            return nullptr;
        const auto* const value = from_.if_contains(member);
        if (value == nullptr)
            refuse(registry_errc::missing_member, member, "");
        return value;
    }

    void refuse(registry_errc why, std::string_view member, std::string expected) {
        constexpr std::size_t enough = 80;
        const auto* const value = from_.if_contains(member);
        auto got = value == nullptr ? std::string() : json::serialize(*value);
        got.resize(std::min(got.size(), enough));
        fault_ = fault{
            iscsi::to_error_code(why),
            where_ + std::string(member),
            std::move(got),
            std::move(expected)};
    }

    const json::object& from_;
    std::string where_;
    std::optional<fault> fault_;
};

result<json::object> parse(std::string_view text, const std::string& place) {
    if (text.size() > registry::longest_state)
        return fault{
            iscsi::to_error_code(registry_errc::too_large),
            place,
            "more",
            "at most " + std::to_string(registry::longest_state) + " bytes"};
    json::parse_options options;
    options.allow_invalid_utf8 = true; // what a disk calls itself need not be UTF-8
    boost::system::error_code error;
    auto value = json::parse(text, error, {}, options);
    if (error || !value.is_object())
        return fault{
            iscsi::to_error_code(registry_errc::malformed),
            place,
            error ? error.message() : "something else",
            "one JSON object"};
    return std::move(value.get_object());
}

void read_version(state_reader& from) {
    std::uint32_t found = 0;
    from.number("version", found);
    from.require(
        found == version, registry_errc::unknown_version, "version", std::to_string(version)
    );
}

void read_lun(state_reader& from, disk_state& disk) {
    std::string text;
    from.text("lun", text, lun_digits);
    disk.lun = scsi::lun_from_number(disk.lun_number);
    from.require(
        text == iscsi::hex_of(disk.lun),
        registry_errc::misplaced,
        "lun",
        iscsi::hex_of(disk.lun) + " for LUN " + std::to_string(disk.lun_number)
    );
}

result<void>
read_unit(const json::object& object, const std::string& where, scsi::logical_unit& unit) {
    state_reader from(object, where);
    members_of_unit(from, unit);
    from.require(
        std::has_single_bit(unit.block_size),
        registry_errc::out_of_range,
        "block_size",
        "a power of two"
    );
    from.require(
        unit.block_count <= std::numeric_limits<std::uint64_t>::max() / unit.block_size,
        registry_errc::out_of_range,
        "block_count",
        "a size in bytes below 2^64"
    );
    return from.finish();
}

} // namespace

std::string file_name(std::uint32_t sid, std::uint64_t lun_number) {
    return std::to_string(sid) + "-lun-" + std::to_string(lun_number) + ".json";
}

std::string file_name(const detached_lun& lun) {
    return std::to_string(lun.sid) + "-lun-" + std::to_string(lun.lun_number) + ".detached";
}

std::optional<detached_lun> detached_lun_of(std::string_view name) {
    constexpr std::string_view middle = "-lun-";
    detached_lun lun;
    const char* const end = name.data() + name.size();
    const auto sid = std::from_chars(name.data(), end, lun.sid);
    const std::string_view rest(sid.ptr, end);
    if (sid.ec != std::errc{} || !rest.starts_with(middle))
        return std::nullopt;
    const auto number = std::from_chars(sid.ptr + middle.size(), end, lun.lun_number);
    if (number.ec != std::errc{} || name != file_name(lun))
        return std::nullopt;
    return lun;
}

std::string text_of(const disk_state& disk) {
    state_writer unit;
    members_of_unit(unit, disk.properties);
    state_writer whole;
    whole.number("version", version);
    members_of_disk(whole, disk);
    whole.text("lun", iscsi::hex_of(disk.lun), lun_digits);
    auto object = whole.take();
    object["properties"] = unit.take();
    return json::serialize(object);
}

iscsi::result<disk_state> read_state(std::string_view text, const std::filesystem::path& path) {
    const auto object = parse(text, path.string());
    if (!object)
        return object.error();
    disk_state disk;
    state_reader from(*object, path.string() + ": ");
    read_version(from);
    members_of_disk(from, disk);
    read_lun(from, disk);
    const auto& properties = from.object("properties");
    if (const auto read = from.finish(); !read)
        return read.error();
    const auto where = path.string() + ": properties.";
    if (const auto read = read_unit(properties, where, disk.properties); !read)
        return read.error();
    if (auto belongs = file_name(disk.sid, disk.lun_number); path.filename() != belongs)
        return fault{
            iscsi::to_error_code(registry_errc::misplaced), path.string(), "", std::move(belongs)};
    return disk;
}

} // namespace iscsid::device
