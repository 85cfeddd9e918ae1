#include "libiscsi/isns/answer.hpp"

#include "libiscsi/base/shown.hpp"
#include "libiscsi/names/iscsi_name.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <set>

namespace iscsi::isns {

namespace {

constexpr std::uint32_t target_bit = 1; // §6.4.2
constexpr std::uint32_t udp_bit = 0x10000;

fault bad_value(const std::string& field, std::string got, std::string expected) {
    return isns_fault(isns_errc::bad_value, field, std::move(got), std::move(expected));
}

result<std::string> name_in(const attribute& from) {
    auto name = text_of(from);
    if (!name)
        return name;
    if (const auto good = check_iscsi_name(*name); !good)
        return good.error();
    return name;
}

// §6.3.1: IPv4 is mapped (::ffff:a.b.c.d), but Open-iSNS writes ::a.b.c.d. A portal at no address,
// at all of them or at many is none.
result<std::string> address_in(const attribute& from) {
    if (from.value.size() != 16)
        return bad_value("portal address", std::to_string(from.value.size()) + " bytes", "16");
    const auto* const bytes = from.value.data();
    const auto is_zero = [](std::byte each) { return each == std::byte{0}; };
    const bool is_mapped = std::all_of(bytes, bytes + 10, is_zero) &&
                           bytes[10] == std::byte{0xff} && bytes[11] == std::byte{0xff};
    const bool is_ipv4 =
        is_mapped || (std::all_of(bytes, bytes + 12, is_zero) && bytes[12] != std::byte{0});
    std::array<char, INET6_ADDRSTRLEN> words{};
    if (is_ipv4)
        ::inet_ntop(AF_INET, bytes + 12, words.data(), words.size());
    else
        ::inet_ntop(AF_INET6, bytes, words.data(), words.size());
    const auto leading = std::to_integer<unsigned>(is_ipv4 ? bytes[12] : bytes[0]);
    const bool is_multicast = is_ipv4 ? leading >= 224 : leading == 0xff;
    const bool is_none = std::all_of(bytes + (is_mapped ? 12 : 0), bytes + 16, is_zero);
    if (is_multicast || is_none)
        return bad_value("portal address", words.data(), "an address of one machine");
    return std::string(words.data());
}

// §6.3.2: the type above the number.
result<std::uint16_t> port_in(const attribute& from) {
    const auto value = number_of(from);
    if (!value)
        return value.error();
    const bool is_udp = (*value & udp_bit) != 0;
    const auto port = *value & 0xffffU;
    if (is_udp || port == 0 || *value > 0xffffU)
        return bad_value("portal port", std::to_string(*value), "a TCP port");
    return static_cast<std::uint16_t>(port);
}

// Goes through the objects of an answer: each begins with the first of its key attributes
// (§5.6.5.2, §6.1), and what follows it belongs to it.
class object_reader {
  public:
    explicit object_reader(const message& answer) : answer_(answer) {}

    found_targets read_all();
    found_targets read_portals_of(const std::string& target);

  private:
    using step = std::vector<attribute>::const_iterator;

    step first_object() const;
    const attribute* in_object(step begin, step end, tag which) const;
    step end_of(step begin) const;
    void take_node(step begin, step end);
    void take_group(step begin, step end);
    void add(found_portal what);
    result<found_portal> group_of(step begin, step end) const;

    // `target`: of whom it tells; empty where that is not known.
    template <class T>
    bool keep(const result<T>& what, const std::string& target) {
        if (!what)
            found_.refused.push_back({target, what.error()});
        return what.has_value();
    }

    const message& answer_;
    found_targets found_;
    std::vector<std::string> targets_;
    std::set<std::string> known_; // the same
    std::set<std::string> with_group_;
    std::set<found_portal> seen_;
};

// Behind the delimiter: before it stand the keys of the question.
object_reader::step object_reader::first_object() const {
    const auto delimiter = std::ranges::find_if(answer_.attributes, [](const auto& each) {
        return each.is(tag::delimiter);
    });
    return delimiter == answer_.attributes.end() ? delimiter : delimiter + 1;
}

object_reader::step object_reader::end_of(step begin) const {
    return std::find_if(begin + 1, answer_.attributes.end(), [](const auto& each) {
        return each.is(tag::iscsi_name) || each.is(tag::portal_address) ||
               each.is(tag::group_iscsi_name) || each.is(tag::entity_identifier) ||
               each.is(tag::delimiter);
    });
}

const attribute* object_reader::in_object(step begin, step end, tag which) const {
    const auto found =
        std::find_if(begin, end, [which](const auto& each) { return each.is(which); });
    return found == end ? nullptr : &*found;
}

// An initiator's node may be in the answer when the server takes the key for a hint.
void object_reader::take_node(step begin, step end) {
    const auto name = name_in(*begin);
    if (!keep(name, {}))
        return;
    if (const auto* const type = in_object(begin, end, tag::node_type)) {
        const auto bits = number_of(*type);
        if (!keep(bits, *name) || (*bits & target_bit) == 0)
            return;
    }
    if (known_.insert(*name).second)
        targets_.push_back(*name);
}

result<found_portal> object_reader::group_of(step begin, step end) const {
    found_portal made;
    auto name = name_in(*begin);
    if (!name)
        return name.error();
    made.target = *std::move(name);
    const auto* const address = in_object(begin, end, tag::group_portal_address);
    const auto* const port = in_object(begin, end, tag::group_portal_port);
    if (address == nullptr || port == nullptr)
        return bad_value(
            "portal group of " + shown(made.target), "no portal", "its address and port"
        );
    auto where = address_in(*address);
    if (!where)
        return where.error();
    made.address = *std::move(where);
    const auto number = port_in(*port);
    if (!number)
        return number.error();
    made.port = *number;
    return made;
}

void object_reader::take_group(step begin, step end) {
    const auto* const tag_of_group = in_object(begin, end, tag::group_tag);
    const auto name = name_in(*begin);
    auto made = group_of(begin, end);
    if (!keep(made, name ? *name : std::string()))
        return;
    with_group_.insert(made->target);
    if (tag_of_group != nullptr) {
        if (tag_of_group->value.empty())
            return;
        const auto value = number_of(*tag_of_group);
        if (!keep(value, made->target))
            return;
        if (*value > 0xffffU) {
            found_.refused.push_back(
                {made->target, bad_value("portal group tag", std::to_string(*value), "0 to 65535")}
            );
            return;
        }
        made->group_tag = static_cast<std::uint16_t>(*value);
    }
    add(*std::move(made));
}

void object_reader::add(found_portal what) {
    if (seen_.insert(what).second)
        found_.portals.push_back(std::move(what));
}

// A group of a node that is none of the targets may be an initiator's.
found_targets object_reader::read_all() {
    for (auto at = first_object(); at != answer_.attributes.end();) {
        const auto end = end_of(at);
        if (at->is(tag::iscsi_name))
            take_node(at, end);
        else if (at->is(tag::group_iscsi_name))
            take_group(at, end);
        at = end;
    }
    std::erase_if(found_.portals, [&](const auto& each) { return !known_.contains(each.target); });
    for (const auto& target : targets_)
        if (!with_group_.contains(target))
            found_.without_portal.push_back(target);
    return std::move(found_);
}

found_targets object_reader::read_portals_of(const std::string& target) {
    for (auto at = first_object(); at != answer_.attributes.end();) {
        const auto end = end_of(at);
        const auto* const port = in_object(at, end, tag::portal_port);
        if (at->is(tag::portal_address) && port != nullptr) {
            const auto address = address_in(*at);
            const auto number = port_in(*port);
            if (keep(address, target) && keep(number, target))
                add({target, *address, *number});
        }
        at = end;
    }
    return std::move(found_);
}

bool is_of_source(std::uint32_t code) {
    return code == static_cast<std::uint32_t>(status::source_unknown) ||
           code == static_cast<std::uint32_t>(status::source_absent) ||
           code == static_cast<std::uint32_t>(status::source_unauthorized);
}

} // namespace

result<void> check_answer(const message& asked, const message& answer) {
    const auto expected = static_cast<std::uint16_t>(asked.function_id | response_bit);
    if (answer.function_id != expected || answer.transaction != asked.transaction)
        return isns_fault(
            isns_errc::wrong_answer,
            "answer",
            "function " + std::to_string(answer.function_id) + ", transaction " +
                std::to_string(answer.transaction),
            "function " + std::to_string(expected) + ", transaction " +
                std::to_string(asked.transaction)
        );
    const auto code = answer.status.value_or(0);
    if (code != static_cast<std::uint32_t>(status::successful))
        return isns_fault(
            is_of_source(code) ? isns_errc::unknown_source : isns_errc::refused,
            "status",
            status_text(code),
            ""
        );
    return {};
}

found_targets read_targets(const message& answer) {
    return object_reader(answer).read_all();
}

found_targets read_portals(const message& answer, const std::string& target) {
    return object_reader(answer).read_portals_of(target);
}

std::optional<std::chrono::seconds> registration_period_of(const message& answer) {
    for (const auto& each : answer.attributes)
        if (each.is(tag::registration_period))
            if (const auto value = number_of(each); value && *value > 0)
                return std::chrono::seconds(*value);
    return std::nullopt;
}

// §5.7.5.8: the destination of an SCN comes back; §5.7.5.13: all of an ESI does.
std::optional<message> acknowledgement_of(const message& said) {
    const bool is_change = said.function_id == static_cast<std::uint16_t>(function::state_change);
    const bool is_inquiry =
        said.function_id == static_cast<std::uint16_t>(function::entity_status_inquiry);
    if (!is_change && !is_inquiry)
        return std::nullopt;
    message made;
    made.function_id = said.function_id | response_bit;
    made.transaction = said.transaction;
    made.status = static_cast<std::uint32_t>(status::successful);
    if (is_inquiry)
        made.attributes = said.attributes;
    else if (!said.attributes.empty() && said.attributes.front().is(tag::iscsi_name))
        made.attributes = {said.attributes.front()};
    return made;
}

} // namespace iscsi::isns
