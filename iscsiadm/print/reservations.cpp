#include "iscsiadm/print/reservations.hpp"

#include "iscsiadm/print/json_members.hpp"
#include "iscsiadm/print/progress.hpp"

#include "libiscsi/admin/reservation_words.hpp"

#include <boost/json/array.hpp>
#include <fmt/core.h>
#include <fmt/ranges.h>

namespace iscsi::cli {

namespace {

namespace json = boost::json;
using admin::reserve_verb;
using answer_message = admin::reserve_answer_message;

reserve_verb verb_of(const reservation_end& end) {
    const auto* const row = admin::find_reserve_verb(end.asked.verb);
    return row == nullptr ? reserve_verb::read_keys : row->verb;
}

std::string unit_words(const reservation_end& end) {
    return fmt::format("LUN {} of session [{}]", end.asked.lun, session_words(end.session));
}

// ---- lines --------------------------------------------------------------------------------------

std::string generation_words(const answer_message& how) {
    return fmt::format("  PR generation=0x{:x}, ", how.generation.value_or(0));
}

std::string key_lines(const answer_message& how) {
    std::string lines = generation_words(how);
    if (how.keys.empty())
        return lines + "there are NO registered reservation keys\n";
    const bool is_one = how.keys.size() == 1;
    lines += fmt::format(
        "{} registered reservation {}:\n", how.keys.size(), is_one ? "key follows" : "keys follow"
    );
    for (const auto& key : how.keys)
        lines += fmt::format("    {}\n", key);
    return lines;
}

std::string state_lines(const answer_message& how) {
    if (how.reservation_type.empty())
        return generation_words(how) + "there is NO reservation held\n";
    return generation_words(how) + fmt::format(
                                       "Reservation follows:\n    Key={}\n    scope: LU_SCOPE,  "
                                       "type: {}\n",
                                       how.reservation_key,
                                       how.reservation_type
                                   );
}

std::string registrant_lines(const answer_message& how) {
    if (how.registrants.empty())
        return generation_words(how) + "No full status descriptors\n";
    std::string lines = fmt::format("  PR generation=0x{:x}\n", how.generation.value_or(0));
    for (const auto& each : how.registrants) {
        lines += fmt::format("    Key={}\n      Initiator: {}\n", each.key, each.initiator);
        lines += each.all_target_ports
                     ? "      All target ports\n"
                     : fmt::format("      Relative target port: {}\n", each.target_port);
        lines += each.holder ? fmt::format("      Reservation holder, type: {}\n", each.type)
                             : "      not reservation holder\n";
    }
    return lines;
}

std::string or_none(const std::vector<std::string>& words) {
    return words.empty() ? "none" : fmt::format("{}", fmt::join(words, ", "));
}

std::string capability_lines(const answer_message& how) {
    return fmt::format(
        "  Capabilities: {}\n  Types: {}\n",
        or_none(how.capabilities),
        how.types.empty() ? "not told" : or_none(how.types)
    );
}

// ---- members ------------------------------------------------------------------------------------

json::array texts_of(const std::vector<std::string>& from) {
    json::array all;
    for (const std::string& text : from)
        all.emplace_back(text);
    return all;
}

json::value state_of(const answer_message& how) {
    if (how.reservation_type.empty())
        return nullptr;
    return json::object{{"key", how.reservation_key}, {"type", how.reservation_type}};
}

json::array registrants_of(const answer_message& how) {
    json::array all;
    for (const auto& each : how.registrants)
        all.push_back(json::object{
            {"key", each.key},
            {"holder", each.holder},
            {"type", text_or_null(each.type)},
            {"target_port",
             each.all_target_ports ? json::value(nullptr) : json::value(each.target_port)},
            {"initiator", each.initiator}});
    return all;
}

void add_answer(json::object& to, reserve_verb verb, const answer_message& how) {
    if (how.generation)
        to["generation"] = *how.generation;
    if (verb == reserve_verb::read_keys)
        to["keys"] = texts_of(how.keys);
    if (verb == reserve_verb::read_reservation)
        to["reservation"] = state_of(how);
    if (verb == reserve_verb::read_full_status)
        to["registrants"] = registrants_of(how);
    if (verb == reserve_verb::report_capabilities) {
        to["capabilities"] = texts_of(how.capabilities);
        to["types"] = texts_of(how.types);
    }
}

const char* outcome_of(const answer_message& how) {
    if (how.code == admin::exit_code::success)
        return "done";
    return how.unknown ? "unknown" : "failed";
}

} // namespace

std::string reservation_lines(const reservation_end& end) {
    switch (verb_of(end)) {
    case reserve_verb::read_keys:
        return key_lines(end.how);
    case reserve_verb::read_reservation:
        return state_lines(end.how);
    case reserve_verb::read_full_status:
        return registrant_lines(end.how);
    case reserve_verb::report_capabilities:
        return capability_lines(end.how);
    case reserve_verb::register_key:
    case reserve_verb::register_ignore:
    case reserve_verb::unregister:
    case reserve_verb::reserve:
    case reserve_verb::release:
    case reserve_verb::preempt:
    case reserve_verb::preempt_abort:
    case reserve_verb::clear:
        break;
    }
    return fmt::format("{}: {} successful.\n", unit_words(end), end.asked.verb);
}

std::string could_not_reserve(const reservation_end& end) {
    return fmt::format(
        "{}: {} {}.",
        unit_words(end),
        end.asked.verb,
        end.how.unknown ? "may have been done or not" : "failed"
    );
}

json::object reservation_members(const reservation_end& end) {
    json::object item{
        {"sid", end.session.sid},
        {"node", node_members(end.session.node)},
        {"lun", end.asked.lun},
        {"verb", end.asked.verb},
        {"outcome", outcome_of(end.how)},
        {"detail", text_or_null(end.how.detail)}};
    if (end.how.code == admin::exit_code::success)
        add_answer(item, verb_of(end), end.how);
    return item;
}

} // namespace iscsi::cli
