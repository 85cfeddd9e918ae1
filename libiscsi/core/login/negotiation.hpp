#pragma once

#include "libiscsi/base/text.hpp"
#include "libiscsi/core/login/key_table.hpp"
#include "libiscsi/core/parameters.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace iscsi {

// The negotiation of one login (RFC 7143 §6.2), by the rows of the key table.
//
// offers() is called once, in the operational stage; receive() for the text of each Login Response;
// outcome() when the target has agreed to full feature phase. An answer must be a value that the
// rule allows for our offer; a target that leaves a key unanswered is taken to want the default.
// In negotiation_mode::lenient, answers that break a rule harmlessly (leniency.hpp) are mended and
// told by warnings(); the target's own offers are answered by the rules in either mode.
class negotiation {
  public:
    negotiation(
        const operational_offer& offer,
        session_type type,
        negotiation_mode mode = negotiation_mode::strict
    );

    // What the initiator wants, in the order of the table.
    text_pairs offers();

    // Takes the target's pairs and gives our answers to its offers.
    // Faults: login_errc::key_*, ::value_*, ::authentication_method_unsupported.
    result<text_pairs> receive(const text_pairs& text, key_phase phase);

    // Faults: login_errc::value_not_offered, ::value_out_of_range (FirstBurst over MaxBurst).
    result<operational_parameters> outcome() const;

    const std::string& target_alias() const { return target_alias_; }

    std::optional<std::uint16_t> target_portal_group_tag() const { return group_tag_; }

    bool is_lenient() const { return mode_ == negotiation_mode::lenient; }

    // A breach that was let through, in this class or in the phase that owns it.
    void warn(std::string_view key, std::string_view got, std::string used);

    // Complete once outcome() has succeeded.
    std::vector<negotiation_warning> warnings() const;

  private:
    // How far the talk about a key has come. Each key is talked about once in a login (§6.3), so
    // the last two are final. An untouched key that the target names first is its offer.
    enum class progress : std::uint8_t { untouched, offered, left_at_default, agreed };

    struct key_state {
        progress how_far = progress::untouched;
        std::uint32_t wanted = 0;
        std::uint32_t number = 0; // what was agreed
        std::string_view word;    // the same of a list key
        std::string said;         // by the target
    };

    key_state& state(const key_row& row);
    const key_state& state(const key_row& row) const;

    void wish(login_key key, std::uint32_t number);
    bool is_settled(const key_row& row) const;
    bool is_offered(const key_row& row) const;
    std::string wanted_text(const key_row& row) const;

    // Each takes one pair; a returned string is our answer to it.
    using answer = result<std::optional<std::string>>;
    answer take(const text_pair& pair, key_phase phase);
    answer take_known(const key_row& row, const std::string& value);
    answer take_declaration(const key_row& row, const std::string& value);
    answer take_repeated(const key_row& row, const std::string& value);
    answer take_reply(const key_row& row, const std::string& value);
    answer take_rejection(const key_row& row);
    answer take_word(const key_row& row, const std::string& value);
    answer take_number(const key_row& row, const std::string& value);
    answer take_offer(const key_row& row, const std::string& value);
    answer take_list_offer(const key_row& row, const std::string& value);

    result<std::uint32_t> read_number(const key_row& row, const std::string& value) const;
    std::optional<std::uint32_t> safe_value(const key_row& row, std::uint32_t theirs) const;

    void settle(const key_row& row, std::uint32_t number);
    void settle_word(const key_row& row, std::string_view word);

    std::uint32_t number(login_key key) const;
    result<digest> chosen_digest(login_key key) const;
    result<std::uint32_t> first_burst(std::uint32_t max_burst) const;

    operational_offer offer_;
    session_type type_;
    negotiation_mode mode_;
    std::vector<negotiation_warning> warnings_;
    std::array<key_state, static_cast<std::size_t>(login_key::count)> states_{};
    std::string target_alias_;
    std::optional<std::uint16_t> group_tag_;
};

} // namespace iscsi
