#include "libiscsi/isns/request.hpp"

namespace iscsi::isns {

namespace {

constexpr std::uint32_t target_node = 1; // §6.4.2
constexpr std::uint32_t initiator_node = 2;
constexpr std::uint32_t iscsi_protocol = 2; // §6.2.2
constexpr std::uint32_t udp = 0x10000;      // §6.3.2

// §6.4.4: TARGET AND SELF, OBJECT REMOVED, ADDED, UPDATED. The bits are numbered from the left.
constexpr std::uint32_t wanted_changes = 0x40 | 0x10 | 0x08 | 0x04;

message request(function what) {
    message made;
    made.function_id = static_cast<std::uint16_t>(what);
    return made;
}

} // namespace

message query_targets(std::string_view name) {
    auto made = request(function::query_attributes);
    made.attributes = {
        text(tag::iscsi_name, name),
        number(tag::node_type, target_node),
        nothing(tag::delimiter),
        nothing(tag::iscsi_name),
        nothing(tag::node_type),
        nothing(tag::portal_address),
        nothing(tag::portal_port),
        nothing(tag::group_iscsi_name),
        nothing(tag::group_portal_address),
        nothing(tag::group_portal_port),
        nothing(tag::group_tag)};
    return made;
}

message query_portals(std::string_view name, std::string_view target) {
    auto made = request(function::query_attributes);
    made.attributes = {
        text(tag::iscsi_name, name),
        text(tag::iscsi_name, target),
        nothing(tag::delimiter),
        nothing(tag::portal_address),
        nothing(tag::portal_port)};
    return made;
}

message registration(std::string_view name, const notified_portal* at) {
    auto made = request(function::register_attributes);
    made.replaces = at != nullptr;
    made.attributes = {
        text(tag::iscsi_name, name),
        nothing(tag::delimiter),
        text(tag::entity_identifier, name),
        number(tag::entity_protocol, iscsi_protocol)};
    if (at != nullptr) {
        const std::uint32_t port = at->port | (at->is_udp ? udp : 0U);
        attribute address = nothing(tag::portal_address);
        address.value.assign(at->address.begin(), at->address.end());
        made.attributes.push_back(std::move(address));
        made.attributes.push_back(number(tag::portal_port, port));
        made.attributes.push_back(number(tag::scn_port, port));
    }
    made.attributes.push_back(text(tag::iscsi_name, name));
    made.attributes.push_back(number(tag::node_type, initiator_node));
    return made;
}

message change_registration(std::string_view name) {
    auto made = request(function::register_for_changes);
    made.attributes = {
        text(tag::iscsi_name, name),
        text(tag::iscsi_name, name),
        nothing(tag::delimiter),
        number(tag::scn_bitmap, wanted_changes)};
    return made;
}

message deregistration(std::string_view name) {
    auto made = request(function::deregister);
    made.attributes = {
        text(tag::iscsi_name, name), nothing(tag::delimiter), text(tag::entity_identifier, name)};
    return made;
}

} // namespace iscsi::isns
