#include <coworker/app.h>

#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>

// The coworker program with methods of its own.
int main(int argc, char** argv) {
  coworker::App app;
  app.worker("mail", [](const coworker::Job&) {});
  app.methods()
      .add("examples.echo", "Says it back", {"text"}, [](const std::string& text) { return text; })
      .add_quick("examples.quick_echo", "Says it back at once", {"text"}, [](const std::string& text) { return text; })
      .add("examples.fail", "Fails", {}, [] { throw std::runtime_error{"the password is hunter2"}; })
      .add("examples.wait", "Until the file is there", {"file"}, [](const std::string& file) {
        std::FILE* begun = std::fopen((file + ".begun").c_str(), "w");
        if (begun != nullptr) std::fclose(begun);
        while (!std::filesystem::exists(file)) std::this_thread::sleep_for(std::chrono::milliseconds{5});
        return true;
      });
  return app.run(argc, argv);
}
