"""Registration as it is often written, for `load.py` to compare with. The linter finds both wrong, as it should."""

import asyncio
import smtplib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage

import uvicorn
from fastapi import BackgroundTasks, FastAPI, status
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_bgtask_lint.reference_app import problems, users
from fastapi_bgtask_lint.reference_app import status as status_routes
from fastapi_bgtask_lint.reference_app.database import Session, create_tables
from fastapi_bgtask_lint.reference_app.mail import send_mail
from fastapi_bgtask_lint.reference_app.models import User, new_id
from fastapi_bgtask_lint.reference_app.settings import settings
from fastapi_bgtask_lint.reference_app.stall import Watch
from fastapi_bgtask_lint.reference_app.users import NewUser


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    await create_tables()
    watching = asyncio.create_task(app.state.watch.run())
    yield
    watching.cancel()


app = FastAPI(lifespan=lifespan)
app.state.watch = Watch()
problems.install(app)


@app.post("/blocking", status_code=status.HTTP_201_CREATED)
async def register_and_block(new: NewUser, session: Session, tasks: BackgroundTasks) -> dict[str, str]:
    """The task calls smtplib on the event loop."""
    user = await added(new, session)
    tasks.add_task(send_blocking, user.email, user.name)
    return {"id": user.id}


@app.post("/request-session", status_code=status.HTTP_201_CREATED)
async def register_and_hand_over_the_session(new: NewUser, session: Session, tasks: BackgroundTasks) -> dict[str, str]:
    """The task uses the request's session, which holds a connection and a transaction while the mail is sent."""
    user = await added(new, session)
    tasks.add_task(send_with_session, user.id, session)
    return {"id": user.id}


async def added(new: NewUser, session: AsyncSession) -> User:
    welcome = users.send_welcome.job("")
    session.add(welcome)
    await session.flush()
    user = User(id=new_id(), email=new.email, name=new.name, welcome_id=welcome.id)
    session.add(user)
    await session.commit()
    return user


async def send_blocking(email: str, name: str) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = settings.mail_from, email, "Welcome"
    message.set_content(f"Welcome, {name}!")
    with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=10) as server:
        server.send_message(message)


async def send_with_session(user_id: str, session: AsyncSession) -> None:
    user = await session.get_one(User, user_id, populate_existing=True)
    await send_mail(user.email, "Welcome", f"Welcome, {user.name}!", key=user.id)


app.include_router(users.router)
app.include_router(status_routes.router)

if __name__ == "__main__":
    settings.data_folder.mkdir(parents=True, exist_ok=True)
    uvicorn.run(app, port=settings.port)
