// One clip, or two in step. The first one leads; the other one follows by small changes of speed.

const NEAR_S = 0.012;
const JUMP_S = 0.25;
const SPEEDS = [1, 0.5, 0.25];

class Player {
  constructor(stage, onChange) {
    this.stage = stage;
    this.onChange = onChange;
    this.videos = [];
    this.loop = true;
    this.speed = 1;
    this.sound = 0;
    this.flipped = false;
    this.shown = 0;
    this.stop = () => {};
    requestAnimationFrame(() => this.tick());
  }

  load(clips, onFail) {
    this.pause();
    this.stop();
    for (const video of this.videos) {
      video.removeAttribute("src");
      video.load();
    }
    this.plays = 0;
    this.playing = false;
    this.shown = 0;
    let valid = true;
    this.stop = () => { valid = false; };
    this.fps = clips[0].fps;
    this.videos = clips.map((clip) => {
      const video = document.createElement("video");
      video.playsInline = true;
      video.preload = "auto";
      video.disablePictureInPicture = true;
      video.addEventListener("error", () => { if (valid) onFail(); });
      video.addEventListener("loadedmetadata", () => { if (valid) this.onChange(); });
      video.src = `clips/${clip.file}`;
      return video;
    });
    this.stage.replaceChildren(...this.videos.map((video, index) => {
      const figure = document.createElement("figure");
      figure.append(video);
      if (this.videos.length > 1) {
        const caption = document.createElement("figcaption");
        caption.textContent = "AB"[index];
        figure.append(caption);
      }
      return figure;
    }));
    this.arrange();
  }

  get duration() {
    return Math.min(...this.videos.map((video) => video.duration || 0));
  }

  get time() {
    return this.videos.length ? this.videos[0].currentTime : 0;
  }

  get ready() {
    return this.videos.length > 0 && this.videos.every((video) => video.readyState >= 2);
  }

  arrange() {
    this.stage.classList.toggle("two", this.videos.length > 1);
    this.stage.classList.toggle("flip", this.videos.length > 1 && this.flipped);
    [...this.stage.children].forEach((figure, index) => figure.classList.toggle("away", index !== this.shown));
    this.videos.forEach((video, index) => { video.muted = this.sound !== index; });
    this.onChange();
  }

  async seek(time) {
    const target = Math.max(0, Math.min(time, this.duration));
    await Promise.all(this.videos.map((video) => new Promise((done) => {
      if (video.readyState < 1) return done();
      video.addEventListener("seeked", done, { once: true });
      video.currentTime = target;
      return undefined;
    })));
    this.onChange();
  }

  atEnd() {
    return this.videos.some((video) => video.ended) || this.time >= this.duration - 0.5 / this.fps;
  }

  async play() {
    if (this.playing || !this.videos.length) return;
    const videos = this.videos;
    this.playing = true;
    if (this.atEnd()) await this.seek(0);
    if (!this.playing || videos !== this.videos) return;
    if (this.time < 0.5 / this.fps || this.plays === 0) this.plays += 1;
    await this.startAll();
    this.onChange();
  }

  async startAll() {
    for (const video of this.videos) video.playbackRate = this.speed;
    try {
      await Promise.all(this.videos.map((video) => video.play()));
    } catch (error) {
      if (error.name !== "AbortError") {
        this.pause();
        throw error;
      }
    }
  }

  pause() {
    this.playing = false;
    for (const video of this.videos) video.pause();
    if (this.videos.length > 1 && this.ready) this.videos[1].currentTime = this.time;
    this.onChange();
  }

  async restart() {
    this.pause();
    await this.seek(0);
    await this.play();
  }

  // To the middle of a frame's time, so that rounding cannot show its neighbour.
  async step(frames) {
    this.pause();
    const frame = Math.floor(this.time * this.fps + 1e-3) + frames;
    const last = Math.max(0, Math.ceil(this.duration * this.fps - 1e-3) - 1);
    await this.seek((Math.max(0, Math.min(frame, last)) + 0.5) / this.fps);
  }

  setSpeed(speed) {
    this.speed = speed;
    for (const video of this.videos) video.playbackRate = speed;
    this.onChange();
  }

  tick() {
    requestAnimationFrame(() => this.tick());
    if (!this.playing || !this.ready || this.turning) return;
    if (this.atEnd()) {
      this.turn();
      return;
    }
    if (this.videos.length > 1) this.follow(this.videos[1]);
    this.onChange();
  }

  follow(video) {
    const late = this.time - video.currentTime;
    if (Math.abs(late) > JUMP_S && !video.seeking) {
      video.currentTime = this.time;
    } else {
      const change = Math.abs(late) < NEAR_S ? 0 : Math.max(-0.25, Math.min(0.25, late * 4));
      const rate = this.speed * (1 + change);
      if (Math.abs(video.playbackRate - rate) > 1e-3) video.playbackRate = rate;
    }
  }

  // The end: from the start again, or stop there.
  async turn() {
    if (!this.loop) {
      this.pause();
      return;
    }
    this.turning = true;
    const videos = this.videos;
    for (const video of videos) video.pause();
    await this.seek(0);
    this.turning = false;
    if (this.playing && videos === this.videos) {
      this.plays += 1;
      await this.startAll();
    }
  }
}
