#pragma once

#include "tests/conformance/words.hpp"

#include "libiscsi/core/login/login.hpp"

// Words of the login phase.
namespace iscsi::test {

inline login_response operational_answer() {
    login_response response;
    response.current_stage = login_stage::operational_negotiation;
    return response;
}

inline login_response last_answer() {
    auto response = operational_answer();
    response.transit = true;
    response.next_stage = login_stage::full_feature;
    response.target_session_identifying_handle = 0x11;
    return response;
}

inline login_response status_answer(std::uint8_t status_class, std::uint8_t detail) {
    auto response = operational_answer();
    response.status_class = status_class;
    response.status_detail = detail;
    return response;
}

// The attempt is over, with this fault.
inline auto fails_with(login_errc code) {
    return [code](const login_failed& how) {
        EXPECT_EQ(how.why.code, to_error_code(code)) << how.why.text();
    };
}

// A login in one exchange with these answers beside the usual ones.
inline script login_answered(const std::map<std::string, std::string>& changes) {
    return script().expect(a<login_request>()).give(last_answer(), answers_with(changes));
}

inline void answer_is_refused(const std::map<std::string, std::string>& changes, login_errc code) {
    login_answered(changes).expect_event<login_failed>(fails_with(code)).run(quiet_config());
}

// What is in force after a login with these answers.
inline void login_agrees_on(
    const session_config& config,
    const std::map<std::string, std::string>& changes,
    std::function<void(const operational_parameters&)> check
) {
    login_answered(changes)
        .expect_event<logged_in>()
        .act([check](session_world& world) { check(world.engine().parameters()); })
        .run(config);
}

// A target's own offer, and what we answer to it.
inline void offer_is_answered(const text_pair& offer, const std::string& answer) {
    script()
        .expect(a<login_request>())
        .give(operational_answer(), text_pairs{offer})
        .expect(a<login_request>().key(offer.key, answer))
        .give(last_answer(), script::usual_answers())
        .expect_event<logged_in>()
        .run(quiet_config());
}

} // namespace iscsi::test
