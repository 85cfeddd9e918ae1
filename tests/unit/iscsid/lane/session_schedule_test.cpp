#include "iscsid/lane/session_schedule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace iscsid::lane {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr iscsi::instant start = iscsi::instant{} + 1h;

class scheduled_number final : public scheduled_session {
  public:
    scheduled_number(session_schedule& in, int number, std::vector<int>& runs)
        : scheduled_session(in), number_(number), runs_(runs) {}

    using scheduled_session::has_work;
    using scheduled_session::set_deadline;

    void run(iscsi::instant now) override {
        runs_.push_back(number_);
        if (deadline() && *deadline() <= now)
            set_deadline(std::nullopt);
        if (when_run)
            when_run();
    }

    std::function<void()> when_run;

  private:
    int number_;
    std::vector<int>& runs_;
};

class session_schedule_test : public ::testing::Test {
  protected:
    session_schedule_test() {
        for (int number = 0; number < 1000; ++number)
            sessions.push_back(std::make_unique<scheduled_number>(schedule, number, runs));
    }

    // Which sessions this turn has run.
    std::vector<int> turn(iscsi::instant now) {
        runs.clear();
        schedule.turn(now);
        return runs;
    }

    session_schedule schedule;
    std::vector<int> runs;
    std::vector<std::unique_ptr<scheduled_number>> sessions;
};

TEST_F(session_schedule_test, IdleSessionsAreNotRun) {
    EXPECT_EQ(schedule.next_deadline(), std::nullopt);
    EXPECT_THAT(turn(start), IsEmpty());
    sessions[700]->has_work();
    EXPECT_LE(schedule.next_deadline(), start);
    EXPECT_THAT(turn(start), ElementsAre(700));
    EXPECT_THAT(turn(start), IsEmpty());
    EXPECT_EQ(schedule.next_deadline(), std::nullopt);
}

TEST_F(session_schedule_test, ASessionRunsOnceATurnHoweverOftenItSaysSo) {
    sessions[3]->has_work();
    sessions[5]->has_work();
    sessions[3]->has_work();
    sessions[3]->set_deadline(start);
    EXPECT_THAT(turn(start), ElementsAre(3, 5));
}

TEST_F(session_schedule_test, TheFirstDeadlineIsTheOneToWaitFor) {
    sessions[1]->set_deadline(start + 3s);
    sessions[2]->set_deadline(start + 1s);
    sessions[3]->set_deadline(start + 2s);
    EXPECT_EQ(schedule.next_deadline(), start + 1s);
    sessions[2]->set_deadline(start + 4s); // later
    EXPECT_EQ(schedule.next_deadline(), start + 2s);
    sessions[1]->set_deadline(start + 1s); // sooner
    EXPECT_EQ(schedule.next_deadline(), start + 1s);
    sessions[1]->set_deadline(std::nullopt);
    EXPECT_EQ(schedule.next_deadline(), start + 2s);
}

TEST_F(session_schedule_test, WhoIsDueRunsAndNobodyElse) {
    sessions[1]->set_deadline(start + 2s);
    sessions[2]->set_deadline(start + 1s);
    sessions[3]->set_deadline(start + 1s);
    EXPECT_THAT(turn(start), IsEmpty());
    EXPECT_THAT(turn(start + 1s), ElementsAre(2, 3));
    EXPECT_THAT(turn(start + 1s), IsEmpty());
    EXPECT_EQ(schedule.next_deadline(), start + 2s);
}

TEST_F(session_schedule_test, WhatItBringsAboutItselfDoesNotRunASessionAgain) {
    sessions[1]->when_run = [this] { sessions[1]->has_work(); };
    sessions[1]->has_work();
    EXPECT_THAT(turn(start), ElementsAre(1));
    EXPECT_EQ(schedule.next_deadline(), std::nullopt);
}

TEST_F(session_schedule_test, WorkForASessionThatHasRunIsForTheNextTurn) {
    sessions[1]->has_work();
    sessions[2]->has_work();
    sessions[2]->when_run = [this] { sessions[1]->has_work(); };
    EXPECT_THAT(turn(start), ElementsAre(1, 2));
    EXPECT_LE(schedule.next_deadline(), start);
    EXPECT_THAT(turn(start), ElementsAre(1));
}

TEST_F(session_schedule_test, ASessionThatIsGoneIsNotRun) {
    sessions[1]->has_work();
    sessions[2]->set_deadline(start);
    sessions[3]->has_work();
    sessions[1].reset();
    sessions[2].reset();
    EXPECT_THAT(turn(start), ElementsAre(3));
}

} // namespace
} // namespace iscsid::lane
