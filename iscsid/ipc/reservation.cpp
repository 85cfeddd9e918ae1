#include "iscsid/ipc/progress.hpp"

#include "libiscsi/admin/reservation_words.hpp"

#include <array>
#include <utility>

// The messages of PersistentReserve.
namespace iscsid::ipc {

namespace admin = iscsi::admin;
using admin::reserve_argument;

namespace {

iscsi::fault bad(std::string_view member, const std::string& got, std::string_view expected) {
    const auto why =
        got.empty() ? admin::message_errc::missing_member : admin::message_errc::out_of_range;
    return {iscsi::to_error_code(why), std::string(member), '"' + got + '"', std::string(expected)};
}

iscsi::result<std::uint64_t>
key_of(std::string_view member, const std::string& text, reserve_argument rule) {
    if (rule == reserve_argument::none && !text.empty())
        return bad(member, text, "none for this verb");
    if (rule != reserve_argument::must && text.empty())
        return std::uint64_t{0};
    if (const auto key = admin::read_reservation_key(text))
        return *key;
    return bad(member, text, "64 bits, decimal or behind 0x");
}

iscsi::result<std::uint8_t> type_of(const std::string& word, reserve_argument rule) {
    if (rule == reserve_argument::none && !word.empty())
        return bad("type", word, "none for this verb");
    if (rule == reserve_argument::none)
        return std::uint8_t{0};
    if (const auto type = admin::reservation_type_of(word))
        return *type;
    return bad("type", word, "a type of reservation");
}

std::vector<std::string> key_texts(const std::vector<std::uint64_t>& keys) {
    std::vector<std::string> texts;
    texts.reserve(keys.size());
    for (const auto key : keys)
        texts.push_back(admin::reservation_key_text(key));
    return texts;
}

// What a unit was asked, put into the answer.
struct adder {
    admin::reserve_answer_message& to;

    void operator()(std::monostate /*a change*/) const {}

    void operator()(const scsi::registered_keys& read) const {
        to.generation = read.generation;
        to.keys = key_texts(read.keys);
    }

    void operator()(const scsi::reservation_state& read) const {
        to.generation = read.generation;
        if (!read.held)
            return;
        to.reservation_key = admin::reservation_key_text(read.held->key);
        to.reservation_type = admin::reservation_type_word(read.held->type);
    }

    void operator()(const scsi::full_status& read) const {
        to.generation = read.generation;
        for (const auto& each : read.registrants)
            to.registrants.push_back(
                {admin::reservation_key_text(each.key),
                 each.is_holder,
                 each.is_holder ? admin::reservation_type_word(each.type) : std::string(),
                 each.all_target_ports,
                 each.target_port,
                 each.initiator}
            );
    }

    void operator()(const scsi::reservation_capabilities& read) const {
        using capability = std::pair<bool, const char*>;
        const std::array all = {
            capability{read.compatible_handling, "compatible-reservation-handling"},
            capability{read.specify_initiator_ports, "specify-initiator-ports"},
            capability{read.all_target_ports, "all-target-ports"},
            capability{read.persist_through_power_loss, "persist-through-power-loss"},
            capability{read.persistence_activated, "persist-through-power-loss-activated"}};
        for (const auto& [has, word] : all)
            if (has)
                to.capabilities.emplace_back(word);
        for (const auto type : read.types)
            to.types.push_back(admin::reservation_type_word(static_cast<std::uint8_t>(type)));
    }
};

} // namespace

admin::reserve_answer_message message_of(const session::outcome<session::reservation_result>& how) {
    admin::reserve_answer_message answer;
    if (how.has_error()) {
        answer.code = how.error().code;
        answer.detail = how.error().reason;
        return answer;
    }
    answer.code = how->code;
    answer.unknown = how->is_unknown();
    answer.detail = how->detail;
    std::visit(adder{answer}, how->answer);
    return answer;
}

iscsi::result<session::reservation_request> request_of(const admin::reserve_request_message& asked
) {
    const auto* const row = admin::find_reserve_verb(asked.verb);
    if (row == nullptr)
        return bad("verb", asked.verb, "one of those of the interface");
    const auto key = key_of("key", asked.key, row->key);
    const auto new_key = key_of("new_key", asked.new_key, row->new_key);
    const auto victim_key = key_of("victim_key", asked.victim_key, row->victim_key);
    const auto type = type_of(asked.type, row->type);
    for (const auto* each : {&key, &new_key, &victim_key})
        if (each->has_error())
            return each->error();
    if (type.has_error())
        return type.error();
    return session::reservation_request{asked.lun, row->verb, *key, *new_key, *victim_key, *type};
}

} // namespace iscsid::ipc
