#include "tests/support/registrations.hpp"

#include <algorithm>
#include <array>

namespace iscsi::test {
namespace {

constexpr std::uint8_t reserve_in = 0x5e;
constexpr std::uint8_t reserve_out = 0x5f;

constexpr std::array<std::uint8_t, 2> reading{0x28, 0x88};
constexpr std::array<std::uint8_t, 7> writing{0x2a, 0x8a, 0x35, 0x91, 0x41, 0x93, 0x42};

bool is_in(const auto& codes, std::uint8_t code) {
    return std::find(codes.begin(), codes.end(), code) != codes.end();
}

// SPC-4 table 35: 1 and 3 are the holder's own, 5 and 6 let registrants in, 7 and 8 make all of
// them holders.
bool is_type(std::uint8_t type) {
    return type == 1 || type == 3 || (type >= 5 && type <= 8);
}

bool is_for_all(std::uint8_t type) {
    return type >= 7;
}

bool is_exclusive_access(std::uint8_t type) {
    return type == 3 || type == 6 || type == 8;
}

scsi_answer conflict() {
    return {0x18, {}, {}};
}

scsi_answer invalid(std::uint8_t code, std::uint8_t qualifier = 0) {
    return scsi_answer::check_condition(0x05, code, qualifier);
}

// SPC-4 §7.6.4.6, of the name and the six bytes of the ISID that a nexus is.
std::string port_name(const nexus& who) {
    constexpr std::size_t isid_size = 6;
    const auto isid_at = who.size() - isid_size;
    std::string name = who.substr(0, isid_at) + "i,0x";
    for (const char each : who.substr(isid_at)) {
        constexpr std::string_view digits = "0123456789abcdef";
        const auto byte = static_cast<unsigned char>(each);
        name += {digits[byte >> 4U], digits[byte & 0x0fU]};
    }
    return name;
}

std::vector<std::byte> list_of(std::uint32_t generation, std::size_t length) {
    std::vector<std::byte> list(8 + length);
    store_be32(list.data(), generation);
    store_be32(list.data() + 4, static_cast<std::uint32_t>(length));
    return list;
}

} // namespace

std::optional<scsi_answer>
registrations::answer_to(const nexus& from, const cdb_bytes& cdb, bytes_view data_out) {
    const auto operation = std::to_integer<std::uint8_t>(cdb[0]);
    if (operation == reserve_in)
        return tell(cdb);
    if (operation == reserve_out)
        return change(from, cdb, data_out);
    if (forbids(from, operation))
        return conflict();
    return std::nullopt;
}

bool registrations::holds(const nexus& who) const {
    return held_ && (held_->holder == who || (is_for_all(held_->type) && keys_.contains(who)));
}

bool registrations::forbids(const nexus& from, std::uint8_t operation) const {
    if (!held_ || holds(from) || (held_->type >= 5 && keys_.contains(from)))
        return false;
    return is_in(writing, operation) ||
           (is_exclusive_access(held_->type) && is_in(reading, operation));
}

// ---- PERSISTENT RESERVE IN ----------------------------------------------------------------------

scsi_answer registrations::tell(const cdb_bytes& cdb) const {
    std::vector<std::byte> data;
    switch (std::to_integer<unsigned>(cdb[1]) & 0x1fU) {
    case 0:
        data = key_list();
        break;
    case 1:
        data = reservation_list();
        break;
    case 2:
        data.resize(8);
        data[1] = std::byte{8};
        data[3] = std::byte{0x80}; // TMV
        data[4] = std::byte{0xea};
        data[5] = std::byte{0x01};
        break;
    case 3:
        data = status_list();
        break;
    default:
        return invalid(0x24);
    }
    data.resize(std::min<std::size_t>(data.size(), load_be16(cdb.data() + 7)));
    return scsi_answer::good(std::move(data));
}

std::vector<std::byte> registrations::key_list() const {
    auto list = list_of(generation_, 8 * keys_.size());
    std::size_t at = 8;
    for (const auto& [who, key] : keys_) {
        store_be64(list.data() + at, key);
        at += 8;
    }
    return list;
}

std::vector<std::byte> registrations::reservation_list() const {
    auto list = list_of(generation_, held_ ? 16 : 0);
    if (!held_)
        return list;
    if (!is_for_all(held_->type))
        store_be64(list.data() + 8, keys_.at(held_->holder));
    list[21] = std::byte{held_->type};
    return list;
}

std::vector<std::byte> registrations::status_list() const {
    std::vector<std::byte> all;
    for (const auto& [who, key] : keys_) {
        const auto name = port_name(who);
        const std::size_t padded = (name.size() + 4) / 4 * 4; // a NUL at least
        std::vector<std::byte> each(24 + 4 + padded);
        store_be64(each.data(), key);
        each[12] = std::byte{holds(who)};
        each[13] = std::byte{holds(who) ? held_->type : std::uint8_t{0}};
        each[19] = std::byte{1};
        store_be32(each.data() + 20, static_cast<std::uint32_t>(4 + padded));
        each[24] = std::byte{0x45}; // iSCSI, name and ISID
        store_be16(each.data() + 26, static_cast<std::uint16_t>(padded));
        std::transform(name.begin(), name.end(), each.begin() + 28, [](char c) {
            return static_cast<std::byte>(c);
        });
        all.insert(all.end(), each.begin(), each.end());
    }
    auto list = list_of(generation_, all.size());
    std::copy(all.begin(), all.end(), list.begin() + 8);
    return list;
}

// ---- PERSISTENT RESERVE OUT ---------------------------------------------------------------------

scsi_answer registrations::change(const nexus& from, const cdb_bytes& cdb, bytes_view data_out) {
    constexpr std::size_t list_size = 24;
    if (load_be32(cdb.data() + 5) != list_size || data_out.size() != list_size)
        return invalid(0x1a); // parameter list length
    const request what{
        from,
        static_cast<std::uint8_t>(std::to_integer<unsigned>(cdb[2]) & 0x0fU),
        load_be64(data_out.data()),
        load_be64(data_out.data() + 8)};
    const auto action = std::to_integer<unsigned>(cdb[1]) & 0x1fU;
    const auto known = keys_.find(from);
    if (action == 6 || (action == 0 && (known == keys_.end() ? 0 : known->second) == what.key))
        return enroll(what);
    if (action == 0 || !has_registered(what))
        return conflict();
    switch (action) {
    case 1:
        return reserve(what);
    case 2:
        return release(what);
    case 3:
        keys_.clear();
        held_.reset();
        ++generation_;
        return scsi_answer::good();
    case 4:
    case 5:
        return preempt(what);
    default:
        return invalid(0x24);
    }
}

bool registrations::has_registered(const request& what) const {
    const auto known = keys_.find(what.from);
    return known != keys_.end() && known->second == what.key;
}

scsi_answer registrations::enroll(const request& what) {
    ++generation_;
    if (what.service_action_key == 0)
        forget(what.from);
    else
        keys_[what.from] = what.service_action_key;
    return scsi_answer::good();
}

scsi_answer registrations::reserve(const request& what) {
    if (!is_type(what.type))
        return invalid(0x24);
    if (held_ && (!holds(what.from) || held_->type != what.type))
        return conflict();
    held_ = {what.from, what.type};
    return scsi_answer::good();
}

scsi_answer registrations::release(const request& what) {
    if (!holds(what.from))
        return scsi_answer::good();
    if (held_->type != what.type)
        return invalid(0x26, 0x04);
    held_.reset();
    return scsi_answer::good();
}

scsi_answer registrations::preempt(const request& what) {
    std::vector<nexus> victims;
    for (const auto& [who, key] : keys_)
        if (key == what.service_action_key && who != what.from)
            victims.push_back(who);
    if (victims.empty())
        return conflict();
    const bool takes_over = held_ && std::ranges::find(victims, held_->holder) != victims.end();
    for (const auto& each : victims)
        forget(each);
    if (takes_over)
        held_ = {what.from, what.type};
    ++generation_;
    return scsi_answer::good();
}

// With the last holder the reservation ends.
void registrations::forget(const nexus& who) {
    keys_.erase(who);
    if (held_ && (held_->holder == who || keys_.empty()))
        held_.reset();
}

} // namespace iscsi::test
