#include "tests/unit/iscsid/device/scripted_target.hpp"

#include "iscsid/session/reservation.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include <deque>

// Persistent reservations of one LUN, with a unit whose answers the test writes down.
namespace iscsid::session {
namespace {

using device::reserve_ending;
using device::test::bytes;
using device::test::bytes_of;
using device::test::ended;
using device::test::sends;
using device::test::sense;
using device::test::status;
using iscsi::admin::exit_code;
using iscsi::admin::reserve_verb;
using scsi::sense_key;

constexpr unsigned conflict = 0x18;
constexpr unsigned busy = 0x08;

bytes key_list(std::initializer_list<unsigned> keys) {
    bytes list = bytes_of({0, 0, 0, 7, 0, 0, 0, static_cast<unsigned>(8 * keys.size())});
    for (const unsigned key : keys)
        list = list + bytes_of({0, 0, 0, 0, 0, 0, 0, key});
    return list;
}

bytes held_by(unsigned key, unsigned type) {
    return bytes_of({0, 0, 0, 7, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, key}) +
           bytes_of({0, 0, 0, 0, 0, type, 0, 0});
}

lane::scsi_outcome lost(bool may_have_run) {
    auto outcome = ended(iscsi::task_result::lost);
    outcome.done.may_have_run = may_have_run;
    return outcome;
}

struct sent_command {
    iscsi::command what;
    bytes data;
};

struct reservation_test : testing::Test {
    reservation_result run(const reservation_request& what) {
        boost::asio::io_context context;
        std::optional<reservation_result> result;
        const device::command_function execute = [this](const iscsi::command& order) {
            return answer_to(order);
        };
        boost::asio::co_spawn(
            context,
            run_reservation(execute, what, clock),
            [&result](const std::exception_ptr& thrown, reservation_result got) {
                EXPECT_FALSE(thrown);
                result = std::move(got);
            }
        );
        clock.run(context);
        EXPECT_TRUE(result);
        return result.value_or(reservation_result{exit_code::internal});
    }

    // When no answer is left the unit is silent.
    boost::asio::awaitable<lane::scsi_outcome> answer_to(iscsi::command order) {
        sent.push_back({order, bytes(order.data_out.begin(), order.data_out.end())});
        if (answers.empty()) {
            co_await clock.sleep(std::chrono::hours(1000));
            co_return ended(iscsi::task_result::aborted);
        }
        auto outcome = std::move(answers.front());
        answers.pop_front();
        if (outcome.data.size() > order.data_in.size())
            outcome.data.resize(order.data_in.size());
        outcome.done.transferred = static_cast<std::uint32_t>(outcome.data.size());
        co_return outcome;
    }

    static reservation_request reserve() {
        return {.lun = 3, .verb = reserve_verb::reserve, .key = 0x0b, .type = 5};
    }

    device::test::virtual_clock clock;
    std::deque<lane::scsi_outcome> answers;
    std::vector<sent_command> sent;
};

TEST_F(reservation_test, reads_keys) {
    answers = {sends(key_list({0x0a, 0x0b}))};
    const auto got = run({.lun = 3, .verb = reserve_verb::read_keys});
    EXPECT_EQ(got.code, exit_code::success);
    const auto& keys = std::get<scsi::registered_keys>(got.answer);
    EXPECT_EQ(keys.generation, 7U);
    EXPECT_EQ(keys.keys, (std::vector<std::uint64_t>{0x0a, 0x0b}));
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].what.lun, scsi::lun_from_number(3));
    EXPECT_FALSE(sent[0].what.goes_once) << "a question may be repeated";
}

TEST_F(reservation_test, asks_again_for_a_list_that_had_no_room) {
    bytes many = bytes_of({0, 0, 0, 7, 0, 0, 0x08, 0}); // 256 keys
    many.resize(8 + 2048, std::byte{1});
    answers = {sends(many), sends(many)};
    const auto got = run({.lun = 3, .verb = reserve_verb::read_keys});
    EXPECT_EQ(std::get<scsi::registered_keys>(got.answer).keys.size(), 256U);
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_EQ(sent[1].what.data_in.size(), 8U + 2048U);
}

TEST_F(reservation_test, takes_no_list_that_cannot_be) {
    const auto boast = bytes_of({0, 0, 0, 7, 0xff, 0xff, 0xff, 0xf8});
    auto endless = boast;
    endless.resize(70000);
    answers = {sends(endless)};
    const auto endless_list = run({.lun = 3, .verb = reserve_verb::read_keys});
    EXPECT_EQ(endless_list.code, exit_code::error);
    EXPECT_NE(endless_list.detail.find("more than can be asked for"), std::string::npos);
    answers = {sends(boast), sends(boast), sends(boast)};
    const auto cut = run({.lun = 3, .verb = reserve_verb::read_keys});
    EXPECT_EQ(cut.code, exit_code::error) << cut.detail;
}

TEST_F(reservation_test, sends_both_keys_and_the_type) {
    answers = {status(0)};
    const auto got = run(
        {.lun = 3, .verb = reserve_verb::preempt_abort, .key = 0x0b, .victim_key = 0x0a, .type = 8}
    );
    EXPECT_EQ(got.code, exit_code::success);
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_TRUE(sent[0].what.goes_once);
    EXPECT_EQ(sent[0].what.cdb[1], std::byte{5});
    EXPECT_EQ(sent[0].what.cdb[2], std::byte{8});
    EXPECT_EQ(sent[0].data[7], std::byte{0x0b});
    EXPECT_EQ(sent[0].data[15], std::byte{0x0a});
}

TEST_F(reservation_test, unregisters_with_the_new_key_0) {
    answers = {status(0)};
    run({.lun = 3, .verb = reserve_verb::unregister, .key = 0x0b});
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].what.cdb[1], std::byte{0});
    EXPECT_EQ(sent[0].data[7], std::byte{0x0b});
    EXPECT_EQ(sent[0].data[15], std::byte{0});
}

TEST_F(reservation_test, says_who_is_in_the_way) {
    answers = {status(conflict), sends(key_list({0x0a, 0x0b})), sends(held_by(0x0a, 5))};
    const auto got = run(reserve());
    EXPECT_EQ(got.code, exit_code::busy);
    EXPECT_EQ(
        got.detail,
        "LUN 3: RESERVATION CONFLICT: key 0xa holds the reservation, "
        "write-exclusive-registrants-only"
    );
    EXPECT_EQ(sent[0].what.cdb[0], std::byte{0x5f});
    EXPECT_EQ(sent.size(), 3U) << "a conflict is not tried again";
}

TEST_F(reservation_test, says_what_is_wrong_with_the_key) {
    const auto free = bytes_of({0, 0, 0, 7, 0, 0, 0, 0});
    answers = {status(conflict), sends(key_list({0x0a})), sends(free)};
    EXPECT_EQ(
        run(reserve()).detail,
        "LUN 3: RESERVATION CONFLICT: key 0xb is not registered; nobody holds a reservation"
    );
    answers = {status(conflict), sends(key_list({0x0b})), sends(held_by(0, 7))};
    EXPECT_EQ(
        run({.lun = 3, .verb = reserve_verb::clear, .key = 0x0b}).detail,
        "LUN 3: RESERVATION CONFLICT: key 0xb is not this initiator's; all registrants hold the "
        "reservation, write-exclusive-all-registrants"
    );
    answers = {status(conflict), sends(key_list({0x0b})), sends(free)};
    EXPECT_EQ(
        run({.lun = 3, .verb = reserve_verb::register_key, .new_key = 1}).detail,
        "LUN 3: RESERVATION CONFLICT: this initiator has registered a key, which --key must name; "
        "nobody holds a reservation"
    );
}

TEST_F(reservation_test, reports_a_conflict_that_nobody_explains) {
    answers = {status(conflict)}; // and silence
    const auto got = run(reserve());
    EXPECT_EQ(got.code, exit_code::busy);
    EXPECT_NE(got.detail.find("RESERVATION CONFLICT"), std::string::npos);
}

TEST_F(reservation_test, is_tried_again_when_it_was_not_done) {
    answers = {
        status(busy),
        sense(sense_key::unit_attention, 0x2a, 0x03),
        sense(sense_key::not_ready, 0x04, 0x01),
        status(0)};
    EXPECT_EQ(run(reserve()).code, exit_code::success);
    EXPECT_EQ(sent.size(), 4U);
}

TEST_F(reservation_test, is_given_up_when_the_unit_stays_busy) {
    answers.assign(1000, status(busy));
    const auto got = run(reserve());
    EXPECT_EQ(got.code, exit_code::again);
    EXPECT_NE(got.detail.find("BUSY"), std::string::npos) << got.detail;
}

TEST_F(reservation_test, is_never_sent_twice_when_it_may_have_been_done) {
    const std::vector<lane::scsi_outcome> open = {
        lost(true),
        ended(iscsi::task_result::aborted),
        sense(sense_key::aborted_command, 0, 0),
        sense(sense_key::hardware_error, 0x44, 0),
        sense(sense_key::not_ready, 0x08, 0), // of LIO, when it has registered the key
        status(0x40),                         // TASK ABORTED
    };
    for (const auto& each : open) {
        sent.clear();
        answers = {each};
        const auto got = run(reserve());
        EXPECT_EQ(got.code, exit_code::pdu_timeout) << got.detail;
        EXPECT_TRUE(got.is_unknown());
        EXPECT_NE(got.detail.find("whether it was done is not known"), std::string::npos);
        EXPECT_EQ(sent.size(), 1U);
    }
}

TEST_F(reservation_test, tells_what_is_certainly_not_done) {
    const std::pair<lane::scsi_outcome, exit_code> refused[] = {
        {lost(false), exit_code::session_not_connected},
        {sense(sense_key::illegal_request, 0x20, 0), exit_code::not_supported},
        {sense(sense_key::illegal_request, 0x24, 0), exit_code::not_supported},
        {sense(sense_key::illegal_request, 0x25, 0), exit_code::no_objects_found},
        {sense(sense_key::illegal_request, 0x26, 0x04), exit_code::invalid},
        {sense(sense_key::illegal_request, 0x55, 0x04), exit_code::invalid},
    };
    for (const auto& [outcome, code] : refused) {
        sent.clear();
        answers = {outcome};
        const auto got = run(reserve());
        EXPECT_EQ(got.code, code) << got.detail;
        EXPECT_FALSE(got.is_unknown());
        EXPECT_EQ(sent.size(), 1U);
    }
}

TEST_F(reservation_test, ends_when_the_unit_says_nothing) {
    const auto changed = run(reserve());
    EXPECT_EQ(changed.code, exit_code::pdu_timeout) << changed.detail;
    const auto asked = run({.lun = 3, .verb = reserve_verb::read_reservation});
    EXPECT_EQ(asked.code, exit_code::request_timed_out) << asked.detail;
    EXPECT_NE(asked.detail.find("no answer"), std::string::npos) << asked.detail;
}

TEST_F(reservation_test, a_question_says_what_the_target_lacks) {
    answers = {sense(sense_key::illegal_request, 0x25, 0)};
    const auto no_unit = run({.lun = 3, .verb = reserve_verb::read_keys});
    EXPECT_EQ(no_unit.code, exit_code::no_objects_found);
    EXPECT_NE(no_unit.detail.find("there is no such LUN"), std::string::npos) << no_unit.detail;
    answers = {sense(sense_key::illegal_request, 0x20, 0)};
    EXPECT_EQ(
        run({.lun = 3, .verb = reserve_verb::read_full_status}).code, exit_code::not_supported
    );
}

} // namespace
} // namespace iscsid::session
