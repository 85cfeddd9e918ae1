#pragma once

#include "libiscsi/base/text.hpp"
#include "libiscsi/core/login/chap_keys.hpp"
#include "libiscsi/core/login/negotiation.hpp"
#include "libiscsi/core/pdu/pdu.hpp"

#include <optional>
#include <utility>
#include <variant>

// One type per login phase (RFC 7143 §6.3). advance() takes a phase and the target's answer to it
// and gives the next phase; describe() is what a phase says.
//
//   offer_security ──► offer_algorithms ──► leave_security ──► operational ──► full_feature
//          │                   │ mutual             ▲
//          │                   └─► await_entropy ──► challenge_target
//          └── the target wants none ──► leave_security
//
// Without CHAP configured the login starts in operational, as open-iscsi does.
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

// ---- trust --------------------------------------------------------------------------------------

// Proof that the target answered our CHAP challenge. Only the phase that verifies it makes one.
class chap_verified {
  private:
    chap_verified() = default;
    friend class challenge_target;
};

// Why operational negotiation may begin: nothing was demanded of the target, or it proved itself.
class target_trust {
  public:
    explicit target_trust(chap_verified) {}

    // Faults: login_errc::authentication_required when the target must prove itself.
    static result<target_trust> without_proof(const auth_config& auth);

  private:
    target_trust() = default;
};

// Any secret, or the name of the target, switches CHAP on.
bool is_chap_configured(const auth_config& auth);

// Mutual CHAP: credentials of the target are there to be insisted on.
bool must_target_prove_itself(const auth_config& auth);

// Credentials that can be used: ours beside the target's, two different secrets (RFC 7143 §9.2.1),
// known algorithms. Faults: login_errc::unusable_credentials.
result<void> check_credentials(const auth_config& auth);

// ---- the security stage -------------------------------------------------------------------------

// What its phases hand on.
struct security_talk {
    const session_config* config = nullptr;
    negotiation keys;
    text_pairs answers; // to what the target has offered; they go out with the next words

    const auth_config& auth() const { return config->auth; }
};

// AuthMethod is out, with the keys that say who we are (§12.1).
struct offer_security {
    explicit offer_security(const session_config& config);

    phase_words words() const;

    security_talk talk;
};

// CHAP was chosen; CHAP_A is out, and the target asks its question next (§12.1.3).
struct offer_algorithms {
    phase_words words() const;

    security_talk talk;
};

class challenge_target;

// Mutual CHAP: nothing can be said until our challenge has been drawn.
class await_entropy {
  public:
    await_entropy(security_talk talk, chap_question question)
        : talk_(std::move(talk)), question_(std::move(question)) {}

    // An identifier and a challenge as long as the digest.
    std::size_t bytes() const { return 1 + digest_size(question_.algorithm); }

    phase_words words() const { return {}; }

    // Faults: login_errc::chap_failed.
    result<challenge_target> with(bytes_view entropy) &&;

  private:
    security_talk talk_;
    chap_question question_;
};

// Mutual CHAP: we have answered the target and challenge it.
class challenge_target {
  public:
    phase_words words() const;

    // Faults: login_errc::chap_failed.
    result<chap_verified> verify(const chap_proof& proof) const;

    security_talk talk;

  private:
    friend class await_entropy;
    challenge_target(security_talk talk, chap_question ours, std::vector<std::byte> response);

    chap_question ours_;
    std::vector<std::byte> our_response_;
};

// Authentication is over for us; the target may take its time to agree.
class leave_security {
  public:
    leave_security(target_trust trust, security_talk talk, text_pairs last);

    phase_words words() const;

    target_trust trust() const { return trust_; }

    security_talk talk;

  private:
    target_trust trust_;
    text_pairs to_say_;
};

// ---- the operational stage ----------------------------------------------------------------------

// The keys of §13 are out. Each answer is taken at once; what the target offers of its own is
// answered in the next request.
class operational {
  public:
    // `trust` is only asked to be there. `first` goes before the offers: who we are, when the login
    // starts here.
    operational(target_trust trust, negotiation keys, text_pairs first);

    phase_words words() const;

    negotiation& keys() { return keys_; }

    void say_next(text_pairs answers) { to_say_ = std::move(answers); }

  private:
    negotiation keys_;
    text_pairs to_say_;
};

// The end of the login, with what was agreed upon.
class full_feature {
  public:
    // Only the operational phase leads here.
    static result<full_feature> from(operational&& before);

    phase_words words() const { return {}; }

    operational_parameters parameters;
    std::string target_alias;
    std::vector<negotiation_warning> warnings;

  private:
    full_feature() = default;
};

using login_phase = std::variant<
    offer_security,
    offer_algorithms,
    await_entropy,
    challenge_target,
    leave_security,
    operational,
    full_feature>;

login_phase first_phase(const session_config& config);

// The keys of the leading request, in open-iscsi's order (§6.3, §13.4 to §13.7, §13.21).
text_pairs identity(const session_config& config);

phase_words describe(const login_phase& phase);

// Faults: login_errc. Full feature phase answers no more Login Responses.
result<login_phase> advance(login_phase&& now, const phase_answer& answer);

// The steps of advance() in the security stage.
result<login_phase> leave(offer_security&& now, const phase_answer& answer);
result<login_phase> leave(offer_algorithms&& now, const phase_answer& answer);
result<login_phase> leave(await_entropy&& now, const phase_answer& answer);
result<login_phase> leave(challenge_target&& now, const phase_answer& answer);
result<login_phase> leave(leave_security&& now, const phase_answer& answer);

} // namespace iscsi
