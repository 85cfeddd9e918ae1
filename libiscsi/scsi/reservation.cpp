#include "libiscsi/scsi/reservation.hpp"

#include "libiscsi/scsi/parameter_data.hpp"

#include <algorithm>
#include <utility>

namespace scsi {

namespace {

using iscsi::result;

constexpr std::size_t list_header_size = 8; // PRGENERATION, ADDITIONAL LENGTH
constexpr std::size_t key_size = 8;

iscsi::fault too_short(std::string_view field, std::size_t size, std::uint64_t expected) {
    return parameter_fault(
        parameter_errc::too_short,
        std::string(field),
        std::to_string(size) + " bytes",
        "at least " + std::to_string(expected)
    );
}

iscsi::fault odd_length(std::string_view field, std::uint64_t got, std::string expected) {
    return parameter_fault(
        parameter_errc::out_of_range,
        std::string(field) + " additional length",
        std::to_string(got),
        std::move(expected)
    );
}

// The descriptors behind a header, as far as the data has them; how long all are that there are.
struct descriptor_area {
    parameter_data came;
    std::uint64_t needed_length = 0;
};

// Less than there is room for and less than there is would be a list without its end, and nobody
// could tell.
result<descriptor_area>
find_descriptors(iscsi::bytes_view data, std::size_t room, std::string_view field) {
    const parameter_data whole(data);
    if (!whole.holds(0, list_header_size))
        return too_short(field, data.size(), list_header_size);
    const std::uint64_t needed = list_header_size + std::uint64_t{whole.u32(4)};
    const auto expected = std::min<std::uint64_t>(needed, room);
    if (data.size() < expected)
        return too_short(field, data.size(), expected);
    const auto came = static_cast<std::size_t>(std::min<std::uint64_t>(needed, data.size()));
    return descriptor_area{
        parameter_data(whole.slice(list_header_size, came - list_header_size)), needed};
}

// ---- READ FULL STATUS ---------------------------------------------------------------------------

constexpr std::size_t status_descriptor_size = 24; // without its TransportID

// SPC-4 §7.6.4.
std::string initiator_of(const parameter_data& transport_id) {
    constexpr unsigned protocol_mask = 0x0f;
    constexpr unsigned iscsi_protocol = 5;
    constexpr std::size_t name_at = 4;
    const auto protocol = transport_id.u8(0) & protocol_mask;
    if (protocol != iscsi_protocol)
        return "of transport protocol " + std::to_string(protocol);
    return transport_id.text(name_at, transport_id.u16(2));
}

registrant registrant_of(const parameter_data& descriptor) {
    return {
        .key = descriptor.u64(0),
        .is_holder = descriptor.bit(12, 0),
        .all_target_ports = descriptor.bit(12, 1),
        .type = static_cast<std::uint8_t>(descriptor.u8(13) & 0x0fU),
        .target_port = descriptor.u16(18),
        .initiator =
            initiator_of(parameter_data(descriptor.slice(status_descriptor_size, descriptor.u32(20))
            ))};
}

// ---- REPORT CAPABILITIES ------------------------------------------------------------------------

struct type_bit {
    std::size_t byte = 0;
    unsigned bit = 0;
    reservation_type type{};
};

// PERSISTENT RESERVATION TYPE MASK, SPC-4 §6.15.4.
constexpr std::array type_bits = {
    type_bit{4, 1, reservation_type::write_exclusive},
    type_bit{4, 3, reservation_type::exclusive_access},
    type_bit{4, 5, reservation_type::write_exclusive_registrants_only},
    type_bit{4, 6, reservation_type::exclusive_access_registrants_only},
    type_bit{4, 7, reservation_type::write_exclusive_all_registrants},
    type_bit{5, 0, reservation_type::exclusive_access_all_registrants},
};

} // namespace

cdb_field persistent_reserve_in(reserve_in what, std::uint16_t allocation_length) {
    cdb_field cdb{};
    cdb[0] = static_cast<std::byte>(operation_code::persistent_reserve_in);
    cdb[1] = static_cast<std::byte>(what);
    iscsi::store_be16(&cdb[7], allocation_length);
    return cdb;
}

cdb_field persistent_reserve_out(reserve_out what, std::optional<reservation_type> type) {
    cdb_field cdb{};
    cdb[0] = static_cast<std::byte>(operation_code::persistent_reserve_out);
    cdb[1] = static_cast<std::byte>(what);
    if (type)
        cdb[2] = static_cast<std::byte>(*type); // scope 0 in the high half: the logical unit
    iscsi::store_be32(&cdb[5], reserve_list_size);
    return cdb;
}

std::array<std::byte, reserve_list_size> reserve_keys::list() const {
    std::array<std::byte, reserve_list_size> bytes{};
    iscsi::store_be64(bytes.data(), own);
    iscsi::store_be64(&bytes[key_size], service_action);
    return bytes;
}

result<registered_keys> read_registered_keys(iscsi::bytes_view data, std::size_t room) {
    const auto area = find_descriptors(data, room, "READ KEYS");
    if (!area)
        return area.error();
    if ((area->needed_length - list_header_size) % key_size != 0)
        return odd_length("READ KEYS", area->needed_length - list_header_size, "a multiple of 8");
    registered_keys read{
        .generation = parameter_data(data).u32(0),
        .keys = {},
        .needed_length = area->needed_length};
    for (std::size_t at = 0; area->came.holds(at, key_size); at += key_size)
        read.keys.push_back(area->came.u64(at));
    return read;
}

result<reservation_state> read_reservation(iscsi::bytes_view data) {
    constexpr std::size_t descriptor_size = 16;
    const parameter_data whole(data);
    if (!whole.holds(0, list_header_size))
        return too_short("READ RESERVATION", data.size(), list_header_size);
    reservation_state state{.generation = whole.u32(0), .held = std::nullopt};
    const auto length = whole.u32(4);
    if (length == 0)
        return state;
    if (length != descriptor_size)
        return odd_length("READ RESERVATION", length, "0 or 16");
    if (!whole.holds(list_header_size, descriptor_size))
        return too_short("READ RESERVATION", data.size(), list_header_size + descriptor_size);
    state.held = {whole.u64(8), static_cast<std::uint8_t>(whole.u8(21) & 0x0fU)};
    return state;
}

result<reservation_capabilities> read_reservation_capabilities(iscsi::bytes_view data) {
    constexpr std::size_t size = 8;
    const parameter_data whole(data);
    if (!whole.holds(0, size))
        return too_short("REPORT CAPABILITIES", data.size(), size);
    if (whole.u16(0) != size)
        return odd_length("REPORT CAPABILITIES", whole.u16(0), "8");
    reservation_capabilities read{
        .compatible_handling = whole.bit(2, 4),
        .specify_initiator_ports = whole.bit(2, 3),
        .all_target_ports = whole.bit(2, 2),
        .persist_through_power_loss = whole.bit(2, 0),
        .persistence_activated = whole.bit(3, 0),
        .tells_types = whole.bit(3, 7),
        .types = {}};
    for (const auto& each : type_bits)
        if (read.tells_types && whole.bit(each.byte, each.bit))
            read.types.push_back(each.type);
    return read;
}

result<full_status> read_full_status(iscsi::bytes_view data, std::size_t room) {
    const auto area = find_descriptors(data, room, "READ FULL STATUS");
    if (!area)
        return area.error();
    full_status read{
        .generation = parameter_data(data).u32(0),
        .registrants = {},
        .needed_length = area->needed_length};
    const bool is_whole = area->needed_length <= data.size();
    for (std::size_t at = 0; at < area->came.size();) {
        const parameter_data rest(area->came.slice(at, area->came.size() - at));
        const std::uint64_t length = status_descriptor_size + std::uint64_t{rest.u32(20)};
        if (length > rest.size()) { // the last one is cut off with a list that is not whole
            if (is_whole)
                return odd_length("READ FULL STATUS descriptor", rest.u32(20), "what came");
            break;
        }
        read.registrants.push_back(registrant_of(rest.cut_to(static_cast<std::size_t>(length))));
        at += static_cast<std::size_t>(length);
    }
    return read;
}

} // namespace scsi
