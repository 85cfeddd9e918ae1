#pragma once

#include "libiscsi/base/text.hpp"
#include "libiscsi/core/login/negotiation.hpp"
#include "libiscsi/core/pdu/pdu.hpp"

#include <optional>
#include <variant>

// One type per login phase (RFC 7143 §6.3). advance() takes a phase and the target's answer to it
// and gives the next phase; words_of() is what a phase says.
//
//   offer_security ──► (the phases of CHAP) ──► operational ──► full_feature
//   without CHAP configured the login starts in operational, as open-iscsi does.
namespace iscsi {

// What a phase says in its next request, and the stage that it asks for.
struct phase_words {
    login_stage stage = login_stage::security_negotiation;
    std::optional<login_stage> next_stage; // T and NSG
    text_pairs text;
};

// A Login Response of status 0 whose header is in order and whose text is complete.
struct phase_answer {
    bool transit = false; // to the stage that was asked for
    text_pairs text;
};

// Proof that the target answered our CHAP challenge. Only the phase that verifies it makes one.
class chap_verified {
  private:
    chap_verified() = default;
    friend class chap_challenge;
};

// Why operational negotiation may begin: nothing was demanded of the target, or it proved itself.
class target_trust {
  public:
    explicit target_trust(chap_verified) {}

    // Faults: login_errc::authentication_required when any CHAP is configured.
    static result<target_trust> without_proof(const auth_config& auth);

  private:
    target_trust() = default;
};

bool is_chap_configured(const auth_config& auth);

class offer_security {
  public:
    explicit offer_security(const session_config& config);

    phase_words words() const;

    negotiation take_keys() && { return std::move(keys_); }

    const session_config& config() const { return *config_; }

    negotiation& keys() { return keys_; }

  private:
    const session_config* config_;
    negotiation keys_;
};

class operational {
  public:
    // `first` goes before the offers: who we are, when the login starts here.
    operational(target_trust trust, negotiation keys, text_pairs first);

    phase_words words() const;

    negotiation& keys() { return keys_; }

    void say_next(text_pairs answers) { to_say_ = std::move(answers); }

  private:
    target_trust trust_;
    negotiation keys_;
    text_pairs to_say_;
};

class full_feature {
  public:
    // Only the operational phase leads here, and only with its trust.
    static result<full_feature> from(operational&& before);

    phase_words words() const { return {}; }

    operational_parameters parameters;
    std::string target_alias;
    std::optional<std::uint16_t> target_portal_group_tag;

  private:
    full_feature() = default;
};

using login_phase = std::variant<offer_security, operational, full_feature>;

login_phase first_phase(const session_config& config);

phase_words words_of(const login_phase& phase);

// Faults: login_errc. Full feature phase answers no more Login Responses.
result<login_phase> advance(login_phase&& now, const phase_answer& answer);

} // namespace iscsi
