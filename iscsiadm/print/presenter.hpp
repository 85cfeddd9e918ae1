#pragma once

#include "iscsiadm/print/answer.hpp"
#include "iscsiadm/print/console.hpp"

#include "libiscsi/admin/exit_code.hpp"

namespace iscsi::cli {

// Puts on stdout what modes have to show. show() any number of times, then finish() once, with the
// exit code of the whole.
class presenter {
  public:
    presenter() = default;
    presenter(const presenter&) = delete;
    presenter& operator=(const presenter&) = delete;
    virtual ~presenter() = default;

    virtual void show(const answer& what) = 0;
    virtual void finish(admin::exit_code code) = 0;
};

// open-iscsi's lines, each as soon as it is known: programs read progress while it comes.
class text_presenter final : public presenter {
  public:
    // `screen` outlives it.
    explicit text_presenter(console& screen) : screen_(screen) {}

    void show(const answer& what) override;

    void finish(admin::exit_code /*code*/) override {}

  private:
    console& screen_;
};

} // namespace iscsi::cli
